//! The laws of the storage ports, in memory.

use p2p_application::ports::{SnapshotQuery, Store};
use p2p_memory::Memory;

p2p_tests::laws!(async { Memory::new() });

#[tokio::test]
async fn it_does_not_look() {
    let seen = Memory::new()
        .read_snapshot(&SnapshotQuery::default())
        .await
        .unwrap();
    assert_eq!(seen, None);
}
