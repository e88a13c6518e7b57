//! The laws of the storage ports, on a PostgreSQL server.

use p2p_application::ports::{Snapshot, SnapshotQuery, Store};
use p2p_tests::databases::TestDatabase;

p2p_tests::laws!(async { TestDatabase::postgres().await.unwrap() });

/// Otherwise its laws of looking would say nothing. Over TLS it does not look.
#[tokio::test]
async fn it_looks() {
    let database = TestDatabase::postgres().await.unwrap();
    let store = database.open().await.unwrap();
    let seen = store
        .read_snapshot(&SnapshotQuery::default())
        .await
        .unwrap();
    assert_eq!(seen, Some(Snapshot::default()));
}
