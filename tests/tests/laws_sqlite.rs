//! The laws of the storage ports, in an SQLite file.

use p2p_tests::databases::TestDatabase;

p2p_tests::laws!(async { TestDatabase::sqlite().await.unwrap() });
