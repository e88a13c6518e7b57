//! The unit of work: load what a batch of commands needs, locked, and commit all that they changed at once.

mod audit;
mod changes;
mod error;
mod facts;
mod idempotency;
mod inbox;
mod journal;
mod outbox;
mod snapshot;
mod store;
mod transaction;

pub use audit::AuditAppend;
pub use changes::{ChangeSet, Versioned};
pub use error::StorageError;
pub use facts::{CustomerPreconditions, OfferPreconditions, OfferSummary, StaffMember};
pub use idempotency::{IdempotencyKey, IdempotencyRecord, Reply};
pub use inbox::{InboxKey, InboxMark};
pub use journal::{Entry, Transfer};
pub use outbox::OutboxMessage;
pub use snapshot::{Snapshot, SnapshotQuery};
pub use store::Store;
pub use transaction::{Load, LoadEvery, Transaction};
