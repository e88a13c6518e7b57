//! The rules of the market, and nothing else.
//!
//! *What it is*: pure values and decisions. A listing, an offer with its status machine, a dispute, an exchanger and the
//! double-entry ledger. Every transition consumes the old value and returns the new one with all that it causes.
//!
//! *What it may import*: `std`, nothing more. No clock, no randomness, no I/O, no async: time and ids come in as
//! arguments.
//!
//! *How to add the next thing*: a noun gets its own module; a rule of the deal's life gets a row in
//! [`offer::machine::RULES`], from which refusals, tests and the documentation's table are made.

pub mod audit_log;
pub mod conduct;
pub mod dispute;
pub mod event;
pub mod exchanger;
pub mod failed_attempts;
pub mod id;
pub mod law;
pub mod ledger;
pub mod listing;
pub mod money;
pub mod named;
pub mod notification;
pub mod offer;
mod one_of;
pub mod order;
pub mod payment;
pub mod payment_report;
pub mod policy;
pub mod purchase;
pub mod refusal;
pub mod second_factor;
pub mod session;
pub mod stamped;
pub mod time;
pub mod user;
pub mod withdrawal;

pub use conduct::Conduct;
pub use dispute::Dispute;
pub use event::Event;
pub use exchanger::Exchanger;
pub use failed_attempts::FailedAttempts;
pub use id::{
    AccountId, CommentId, DisputeId, EventId, IdError, ListingId, NotificationId, OfferId, OrderId,
    PaymentId, ReportId, SessionId, TransferId, TypedId, UserId, WithdrawalId,
};
pub use ledger::{Account, AccountKey, Owner, Posting};
pub use listing::{ExchangeType, Listing};
pub use money::{Asset, AssetKind, Decimal, Money, MoneyError, Price};
pub use notification::{Mailbox, Notification, NotificationContent};
pub use offer::{Actor, Offer, Status};
pub use order::Order;
pub use payment::{Decline, Payment};
pub use payment_report::{PaymentReport, ReportOutcome};
pub use policy::Policy;
pub use refusal::Refusal;
pub use second_factor::SecondFactor;
pub use session::Session;
pub use time::Timestamp;
pub use user::{Language, Role, Roles, User};
pub use withdrawal::Withdrawal;
