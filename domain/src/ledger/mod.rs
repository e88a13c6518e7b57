//! The double-entry ledger: accounts with an available and a held balance, and postings that sum to zero.
//!
//! One business fact is one posting, made by one function here. A hold moves an owner's money from available to held;
//! a release moves it back; a capture pays it out. Nothing else moves money.

mod account;
mod key;
mod posting;
mod refusal;

pub use account::Account;
pub use key::{AccountKey, Owner};
pub use posting::{Bucket, Leg, Posting, PostingKind, Reference};
pub use refusal::{LedgerError, LedgerRefusal};
