//! The laws of the storage ports, in a memory that can be looked at without a unit of work.

use p2p_application::ports::{Snapshot, SnapshotQuery, Store};
use p2p_memory::Memory;

p2p_tests::laws!(async { Memory::looking() });

/// Otherwise its laws of looking would say nothing.
#[tokio::test]
async fn it_looks() {
    let seen = Memory::looking()
        .read_snapshot(&SnapshotQuery::default())
        .await
        .unwrap();
    assert_eq!(seen, Some(Snapshot::default()));
}
