//! Wallets: balances, statements and deposits of a user.

mod deposit;
mod ports;
mod queries;

pub use deposit::Deposit;
pub use ports::{StatementCursor, StatementEntry, StatementFilter, WalletQueries};
pub use queries::{StatementList, balances, statement};
