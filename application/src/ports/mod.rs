//! What the use cases need of the world. Each port's documentation says what every adapter promises; the laws under
//! `tests/` hold all adapters to it.

mod clock;
mod passwords;
mod queries;
mod storage;
mod tokens;

pub use clock::{Clock, Ids, IdsExt};
pub use passwords::{PasswordError, Passwords};
pub use queries::{
    AuditReport, DisputeFilter, DisputeQueries, ListingCursor, ListingFilter, ListingOrder,
    ListingQueries, ListingView, ListingsFound, Maintenance, OfferFilter, OfferQueries, Queries,
    StatementCursor, StatementEntry, StatementFilter, UserQueries, Violation, WalletQueries,
};
pub use storage::{
    Changes, Entry, Glance, ListingHead, OutboxMessage, Saved, Seen, StorageError, Store,
    Transaction, Transfer,
};
pub use tokens::{AccessToken, TokenError, Tokens};
