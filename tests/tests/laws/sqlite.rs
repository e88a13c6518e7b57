//! The laws of the storage ports, in an SQLite file.

use p2p_application::ports::{SnapshotQuery, Store};
use p2p_tests::databases::TestDatabase;

p2p_tests::laws!(async { TestDatabase::sqlite().await.unwrap() });

#[tokio::test]
async fn it_does_not_look() {
    let database = TestDatabase::sqlite().await.unwrap();
    let store = database.open().await.unwrap();
    let seen = store
        .read_snapshot(&SnapshotQuery::default())
        .await
        .unwrap();
    assert_eq!(seen, None);
}
