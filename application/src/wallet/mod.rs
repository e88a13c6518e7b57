//! Wallets: what somebody owns, what moved it, and how money enters.

mod deposit;
mod queries;

pub use deposit::Deposit;
pub use queries::{StatementList, balances, statement};
