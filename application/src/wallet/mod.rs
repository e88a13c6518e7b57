//! Wallets: what somebody owns, what moved it, and how money enters.

mod deposit;
mod ports;
mod queries;

pub use deposit::Deposit;
pub use ports::{StatementCursor, StatementEntry, StatementFilter, WalletQueries};
pub use queries::{StatementList, balances, statement};
