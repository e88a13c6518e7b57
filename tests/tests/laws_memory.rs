//! The laws of the storage ports, in memory.

use memory::Memory;

p2p_tests::laws!(async { Memory::new() });
