//! The journal: what moves balances.

use p2p_domain::ledger::{Bucket, Posting};
use p2p_domain::{AccountId, Timestamp, TransferId};

/// One entry of a journal transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub account: AccountId,
    pub bucket: Bucket,
    pub amount: i64,
}

/// A posting as it is booked: with an id, a time and the ids of its accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    pub id: TransferId,
    pub posting: Posting,
    /// One entry for each leg of the posting, in its order.
    pub entries: Vec<Entry>,
    pub at: Timestamp,
}
