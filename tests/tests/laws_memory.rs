//! The laws of the storage ports, in memory.

use application::ports::{Glance, Store};
use memory::Memory;

p2p_tests::laws!(async { Memory::new() });

#[tokio::test]
async fn it_does_not_look() {
    let seen = Memory::new().look(&Glance::default()).await.unwrap();
    assert_eq!(seen, None);
}
