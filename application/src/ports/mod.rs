//! The ports of the use cases. The documentation of a port is its contract; the laws under `tests/` check every adapter
//! against it.

mod broker;
mod clock;
mod limits;
mod mailer;
mod maintenance;
mod outbox;
mod passwords;
mod second_factors;
mod storage;
mod tokens;

pub use broker::{
    Acker, Broadcasts, Broker, BrokerError, DeadLetter, Deliveries, Delivery, Incoming, Queue,
    Subscription,
};
pub use clock::{Clock, Ids, IdsExt};
pub use limits::{Allowance, LimitKey, Quota, RateLimiter, Subject, source_of};
pub use mailer::{Mail, MailError, Mailer};
pub use maintenance::{LedgerReport, Maintenance, Violation};
pub use outbox::{Backlog, DeadLetters, Lease, Outbox};
pub use passwords::{PasswordError, Passwords, Verdict};
pub use second_factors::{Enrolment, SecondFactorError, SecondFactors};
pub use storage::{
    AuditAppend, ChangeSet, CustomerPreconditions, Entry, IdempotencyKey, IdempotencyRecord,
    InboxKey, InboxMark, Load, LoadEvery, OfferPreconditions, OfferSummary, OutboxMessage, Reply,
    Snapshot, SnapshotQuery, StaffMember, StorageError, Store, Transaction, Transfer, Versioned,
};
pub use tokens::{AccessToken, Bearer, Link, LinkPurpose, Refresh, TokenError, Tokens};
