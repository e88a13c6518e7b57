//! The ledger's tables, and looking into a wallet.

pub(crate) mod account;
pub(crate) mod journal;
pub(crate) mod queries;
