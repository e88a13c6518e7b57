//! Why the market refuses a request: the sum of the refusals of all nouns. Each refusal has a stable code that clients
//! may rely on, and changes nothing.

use std::fmt;

pub use crate::conduct::ConductRefusal;
pub use crate::dispute::DisputeRefusal;
pub use crate::exchanger::ExchangerRefusal;
pub use crate::ledger::LedgerRefusal;
pub use crate::listing::{ListingFlaw, ListingRefusal};
pub use crate::money::{AmountRefusal, AmountRole};
pub use crate::offer::OfferRefusal;
pub use crate::order::OrderRefusal;
pub use crate::payment::PaymentRefusal;
pub use crate::second_factor::SecondFactorRefusal;
pub use crate::session::SessionRefusal;
pub use crate::user::{AccessRefusal, UserRefusal};
pub use crate::withdrawal::WithdrawalRefusal;

use crate::MoneyError;
use crate::law::BrokenLaw;
use crate::ledger::LedgerError;
use crate::listing::ListingError;
use crate::offer::OfferError;
use crate::purchase::PurchaseError;
use crate::withdrawal::WithdrawalError;

/// The kind of thing that a request names and that does not exist, or not for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    Offer,
    Listing,
    Dispute,
    Exchanger,
    User,
    Account,
    Notification,
    Order,
    Payment,
    Withdrawal,
    Session,
}

impl Resource {
    const fn name(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Listing => "listing",
            Self::Dispute => "dispute",
            Self::Exchanger => "exchanger",
            Self::User => "user",
            Self::Account => "account",
            Self::Notification => "notification",
            Self::Order => "order",
            Self::Payment => "payment",
            Self::Withdrawal => "withdrawal",
            Self::Session => "session",
        }
    }

    const fn not_found(self) -> &'static str {
        match self {
            Self::Offer => "OFFER_NOT_FOUND",
            Self::Listing => "LISTING_NOT_FOUND",
            Self::Dispute => "DISPUTE_NOT_FOUND",
            Self::Exchanger => "EXCHANGER_NOT_FOUND",
            Self::User => "USER_NOT_FOUND",
            Self::Account => "ACCOUNT_NOT_FOUND",
            Self::Notification => "NOTIFICATION_NOT_FOUND",
            Self::Order => "ORDER_NOT_FOUND",
            Self::Payment => "PAYMENT_NOT_FOUND",
            Self::Withdrawal => "WITHDRAWAL_NOT_FOUND",
            Self::Session => "SESSION_NOT_FOUND",
        }
    }
}

/// What one user may have only so many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaKind {
    /// A customer's open deals.
    OpenOffers,
    /// An exchanger's listings that are not closed.
    Listings,
    /// Withdrawals that are not decided yet.
    OpenWithdrawals,
}

impl QuotaKind {
    const fn name(self) -> &'static str {
        match self {
            Self::OpenOffers => "open deals",
            Self::Listings => "listings",
            Self::OpenWithdrawals => "undecided withdrawals",
        }
    }

    const fn exceeded(self) -> &'static str {
        match self {
            Self::OpenOffers => "TOO_MANY_OPEN_OFFERS",
            Self::Listings => "TOO_MANY_LISTINGS",
            Self::OpenWithdrawals => "TOO_MANY_OPEN_WITHDRAWALS",
        }
    }
}

/// Every way in which a well-formed request is refused. Refusals that several nouns share (of an amount, of access)
/// stand in a variant of their own, whichever noun they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It does not exist, or belongs to another user: the two are not distinguished.
    NotFound(Resource),
    Access(AccessRefusal),
    Amount(AmountRefusal),
    Ledger(LedgerRefusal),
    Exchanger(ExchangerRefusal),
    Listing(ListingRefusal),
    Offer(OfferRefusal),
    Dispute(DisputeRefusal),
    Order(OrderRefusal),
    Payment(PaymentRefusal),
    Withdrawal(WithdrawalRefusal),
    User(UserRefusal),
    Session(SessionRefusal),
    SecondFactor(SecondFactorRefusal),
    Conduct(ConductRefusal),
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// The user already has the maximum of them.
    TooMany {
        kind: QuotaKind,
        max: u32,
    },
    /// A law of the market would break: a defect of ours, never the caller's fault. It is reported and nothing changes.
    Broken {
        what: &'static str,
    },
}

impl Refusal {
    /// The only amount of a request can't be used.
    #[must_use]
    pub const fn amount(error: MoneyError) -> Self {
        Self::Amount(AmountRefusal {
            role: AmountRole::Amount,
            error,
        })
    }

    /// The amount of this role can't be used.
    pub const fn amount_of(role: AmountRole) -> impl Fn(MoneyError) -> Self {
        move |error| Self::Amount(AmountRefusal { role, error })
    }

    /// Whether it is about how the caller is authenticated and not about the request: the same request may be granted a
    /// moment later, so that the refusal must not be stored as its reply.
    #[must_use]
    pub const fn is_about_access(&self) -> bool {
        matches!(
            self,
            Self::SecondFactor(SecondFactorRefusal::Required)
                | Self::Session(SessionRefusal::TooManyAttempts { .. })
        )
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(resource) => resource.not_found(),
            Self::Access(refusal) => refusal.code(),
            Self::Amount(refusal) => refusal.code(),
            Self::Ledger(refusal) => refusal.code(),
            Self::Exchanger(refusal) => refusal.code(),
            Self::Listing(refusal) => refusal.code(),
            Self::Offer(refusal) => refusal.code(),
            Self::Dispute(refusal) => refusal.code(),
            Self::Order(refusal) => refusal.code(),
            Self::Payment(refusal) => refusal.code(),
            Self::Withdrawal(refusal) => refusal.code(),
            Self::User(refusal) => refusal.code(),
            Self::Session(refusal) => refusal.code(),
            Self::SecondFactor(refusal) => refusal.code(),
            Self::Conduct(refusal) => refusal.code(),
            Self::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::TooMany { kind, .. } => kind.exceeded(),
            Self::Broken { .. } => "INTERNAL",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(resource) => write!(f, "there is no such {}", resource.name()),
            Self::Access(refusal) => refusal.fmt(f),
            Self::Amount(refusal) => refusal.fmt(f),
            Self::Ledger(refusal) => refusal.fmt(f),
            Self::Exchanger(refusal) => refusal.fmt(f),
            Self::Listing(refusal) => refusal.fmt(f),
            Self::Offer(refusal) => refusal.fmt(f),
            Self::Dispute(refusal) => refusal.fmt(f),
            Self::Order(refusal) => refusal.fmt(f),
            Self::Payment(refusal) => refusal.fmt(f),
            Self::Withdrawal(refusal) => refusal.fmt(f),
            Self::User(refusal) => refusal.fmt(f),
            Self::Session(refusal) => refusal.fmt(f),
            Self::SecondFactor(refusal) => refusal.fmt(f),
            Self::Conduct(refusal) => refusal.fmt(f),
            Self::IdempotencyKeyReused => {
                f.write_str("this idempotency key was used before, for another request")
            }
            Self::TooMany { kind, max } => {
                write!(f, "a user may have at most {max} {}", kind.name())
            }
            Self::Broken { what } => write!(f, "a law of the market would break: {what}"),
        }
    }
}

impl std::error::Error for Refusal {}

macro_rules! sums {
    ($($variant:ident($refusal:ty)),* $(,)?) => {$(
        impl From<$refusal> for Refusal {
            fn from(refusal: $refusal) -> Self { Self::$variant(refusal) }
        }
    )*};
}

sums! {
    Access(AccessRefusal),
    Amount(AmountRefusal),
    Ledger(LedgerRefusal),
    Exchanger(ExchangerRefusal),
    Listing(ListingRefusal),
    Offer(OfferRefusal),
    Dispute(DisputeRefusal),
    Order(OrderRefusal),
    Payment(PaymentRefusal),
    Withdrawal(WithdrawalRefusal),
    User(UserRefusal),
    Session(SessionRefusal),
    SecondFactor(SecondFactorRefusal),
    Conduct(ConductRefusal),
}

impl From<BrokenLaw> for Refusal {
    fn from(law: BrokenLaw) -> Self {
        Self::Broken { what: law.what }
    }
}

/// An error that is one of several refusals becomes that refusal.
macro_rules! flattened {
    ($($error:ident { $($variant:ident),* $(,)? })*) => {$(
        impl From<$error> for Refusal {
            fn from(error: $error) -> Self {
                match error { $($error::$variant(refusal) => refusal.into()),* }
            }
        }
    )*};
}

flattened! {
    LedgerError { Ledger, Law }
    ListingError { Listing, Exchanger, Access, Amount, Law }
    OfferError { Offer, Listing, Amount }
    PurchaseError { Amount, Access }
    WithdrawalError { Withdrawal, Amount, Access }
}
