//! The laws of the storage ports, held against every adapter.

mod memory;
mod memory_snapshots;
mod postgres;
mod sqlite;
