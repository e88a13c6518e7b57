//! What the use cases need of the world. Each port's documentation says what every adapter promises; the laws under
//! `tests/` hold all adapters to it.

mod broker;
mod clock;
mod limits;
mod mailer;
mod outbox;
mod passwords;
mod queries;
mod second_factors;
mod storage;
mod tokens;

pub use broker::{
    Broker, BrokerError, DeadLetter, Deliveries, Delivery, Incoming, Queue, Receipt, Shouts,
};
pub use clock::{Clock, Ids, IdsExt};
pub use limits::{Allowance, LimitKey, Quota, RateLimiter, Subject, source_of};
pub use mailer::{Mail, MailError, Mailer};
pub use outbox::{Backlog, DeadLetters, Outbox, Parcel};
pub use passwords::{PasswordError, Passwords, Verdict};
pub use queries::{
    AccessChanges, AccessQueries, AuditReport, DisputeFilter, DisputeQueries, ListingCursor,
    ListingFilter, ListingOrder, ListingQueries, ListingView, ListingsFound, Maintenance,
    NotificationFilter, NotificationQueries, OfferFilter, OfferQueries, OrderFilter, OrderQueries,
    PaymentQueries, Queries, ReportFilter, ReportQueries, StatementCursor, StatementEntry,
    StatementFilter, TrailFilter, TrailQueries, UserQueries, Violation, WalletQueries,
    WithdrawalFilter, WithdrawalQueries,
};
pub use second_factors::{Enrolment, SecondFactorError, SecondFactors};
pub use storage::{
    Appendix, Changes, Entry, Glance, IdempotencyKey, IdempotencyRecord, InboxKey, InboxMark,
    OfferHead, OutboxMessage, Reply, Saved, Seen, StaffMember, Standing, Standings, StorageError,
    Store, Transaction, Transfer,
};
pub use tokens::{AccessToken, Bearer, Link, LinkPurpose, Refresh, TokenError, Tokens};
