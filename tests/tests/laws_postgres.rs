//! The laws of the storage ports, on a PostgreSQL server.

use p2p_tests::databases::TestDatabase;

p2p_tests::laws!(async { TestDatabase::postgres().await.unwrap() });
