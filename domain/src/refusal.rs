//! Why the market says no. Each refusal has a stable code that clients may rely on, and changes nothing.

use std::fmt;
use std::time::Duration;

use crate::offer::machine::{Actor, Status, Trigger};
use crate::{Asset, Money, MoneyError, Role, Timestamp};

/// What somebody asked for that is not there, or is not theirs to see.
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

/// What one person may have only so many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaKind {
    /// A customer's open deals.
    OpenOffers,
    /// An exchanger's listings that are not closed.
    Listings,
    /// Withdrawals that nobody has decided yet.
    OpenWithdrawals,
}

/// Every way in which a well-formed request is turned down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Not there, or somebody else's: the two are not told apart.
    NotFound(Resource),
    /// The status machine has no such move. `state: None`: the deal does not exist yet.
    IllegalTransition {
        state: Option<Status>,
        trigger: Trigger,
        actor: Actor,
    },
    /// The caller's account has no right to do this at all.
    RoleRequired {
        role: Role,
    },
    /// The request names an author who is not the caller.
    IdentityMismatch,
    /// Only the owner may change it.
    NotOwner,
    /// Nobody decides in a matter of their own.
    ConflictOfInterest,
    /// Administrators don't take ADMIN from themselves: the last one would lock everybody out.
    OwnAdminRole,
    /// Nobody deals with themself.
    SelfDeal,
    /// An amount that can't be used, in the field of this name.
    Amount {
        field: &'static str,
        error: MoneyError,
    },
    /// The caller's balance does not cover it.
    InsufficientFunds {
        asset: Asset,
    },
    /// The other side's balance does not cover it.
    CounterpartyFunds {
        asset: Asset,
    },
    /// A balance would exceed 64 bits.
    BalanceOverflow,
    ListingPaused,
    ListingClosed,
    /// The offer's direction is not the listing's.
    WrongExchangeType,
    ExchangerOffline,
    ExchangerFrozen,
    OverRemaining {
        remaining: Money,
    },
    BelowMinimum {
        fiat: Money,
        min: Money,
    },
    AboveMaximum {
        fiat: Money,
        max: Money,
    },
    /// A listing's numbers don't fit together.
    InvalidListing {
        field: &'static str,
        reason: &'static str,
    },
    /// A listing's total can't be less than what is in open and finished deals.
    TotalBelowCommitted,
    /// This side has opened its dispute before.
    DisputeAlreadyOpened,
    /// Nothing is open in this dispute any more.
    DisputeResolved,
    /// A split gives both sides something.
    SplitOutOfRange {
        escrow: Money,
    },
    /// A split names `payer_amount`, other resolutions don't.
    PayerAmountMismatch,
    /// This id names another order.
    OrderExists,
    /// Only what was paid can be refunded.
    PaymentDeclined,
    /// The key of a request was used before, for another request.
    IdempotencyKeyReused,
    /// The withdrawal is decided.
    WithdrawalDecided,
    EmailTaken,
    /// E-mail and password don't belong together.
    BadCredentials,
    /// Too many log-ins have failed; the next may be tried after this long.
    TooManyAttempts {
        wait: Duration,
    },
    /// Nobody is let in before they have verified their e-mail address.
    EmailNotVerified,
    /// The second factor is needed for this: it was not shown, or too long ago.
    SecondFactorRequired,
    /// Not a code of this second factor, or one that was shown before.
    SecondFactorWrong,
    SecondFactorActive,
    SecondFactorMissing,
    /// The session has ended, or its refresh token is not the one that is good.
    SessionOver,
    /// A link from a mail that is not good, or not any more.
    LinkSpent,
    /// The new password is too easily guessed.
    WeakPassword {
        reason: &'static str,
    },
    /// As many as one person may have.
    TooMany {
        what: QuotaKind,
        most: u32,
    },
    /// The customer has called off too many deals.
    CancelledTooOften {
        until: Timestamp,
    },
    /// A law of the market would break: a defect of ours, never the caller's fault. Reported loudly, nothing changes.
    Broken {
        what: &'static str,
    },
}

impl Refusal {
    /// An unusable `amount`.
    #[must_use]
    pub const fn amount(error: MoneyError) -> Self {
        Self::Amount {
            field: "amount",
            error,
        }
    }

    /// An unusable amount in another field.
    pub const fn amount_of(field: &'static str) -> impl Fn(MoneyError) -> Self {
        move |error| Self::Amount { field, error }
    }

    /// Whether it is about how the caller comes, not about what they ask: the same request may be granted a moment later,
    /// and is then to be looked at anew.
    #[must_use]
    pub const fn is_about_access(&self) -> bool {
        matches!(
            self,
            Self::SecondFactorRequired | Self::TooManyAttempts { .. }
        )
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(Resource::Offer) => "OFFER_NOT_FOUND",
            Self::NotFound(Resource::Listing) => "LISTING_NOT_FOUND",
            Self::NotFound(Resource::Dispute) => "DISPUTE_NOT_FOUND",
            Self::NotFound(Resource::Exchanger) => "EXCHANGER_NOT_FOUND",
            Self::NotFound(Resource::User) => "USER_NOT_FOUND",
            Self::NotFound(Resource::Account) => "ACCOUNT_NOT_FOUND",
            Self::NotFound(Resource::Notification) => "NOTIFICATION_NOT_FOUND",
            Self::NotFound(Resource::Order) => "ORDER_NOT_FOUND",
            Self::NotFound(Resource::Payment) => "PAYMENT_NOT_FOUND",
            Self::NotFound(Resource::Withdrawal) => "WITHDRAWAL_NOT_FOUND",
            Self::NotFound(Resource::Session) => "SESSION_NOT_FOUND",
            Self::IllegalTransition { .. } => "ILLEGAL_TRANSITION",
            Self::RoleRequired { .. } => "ROLE_REQUIRED",
            Self::IdentityMismatch => "IDENTITY_MISMATCH",
            Self::NotOwner => "NOT_OWNER",
            Self::ConflictOfInterest => "CONFLICT_OF_INTEREST",
            Self::OwnAdminRole => "OWN_ADMIN_ROLE",
            Self::SelfDeal => "SELF_DEAL",
            Self::Amount { error, .. } => match error {
                MoneyError::Malformed => "AMOUNT_MALFORMED",
                MoneyError::TooManyDecimals { .. } => "TOO_MANY_DECIMALS",
                MoneyError::Overflow => "AMOUNT_TOO_LARGE",
                MoneyError::NotPositive => "AMOUNT_NOT_POSITIVE",
                MoneyError::AssetMismatch { .. } => "ASSET_MISMATCH",
            },
            Self::InsufficientFunds { .. } => "INSUFFICIENT_FUNDS",
            Self::CounterpartyFunds { .. } => "COUNTERPARTY_INSUFFICIENT_FUNDS",
            Self::BalanceOverflow => "BALANCE_TOO_LARGE",
            Self::ListingPaused => "LISTING_PAUSED",
            Self::ListingClosed => "LISTING_CLOSED",
            Self::WrongExchangeType => "WRONG_EXCHANGE_TYPE",
            Self::ExchangerOffline => "EXCHANGER_OFFLINE",
            Self::ExchangerFrozen => "EXCHANGER_FROZEN",
            Self::OverRemaining { .. } => "OVER_REMAINING",
            Self::BelowMinimum { .. } => "BELOW_MINIMUM",
            Self::AboveMaximum { .. } => "ABOVE_MAXIMUM",
            Self::InvalidListing { .. } => "INVALID_LISTING",
            Self::TotalBelowCommitted => "TOTAL_BELOW_COMMITTED",
            Self::DisputeAlreadyOpened => "DISPUTE_ALREADY_OPENED",
            Self::DisputeResolved => "DISPUTE_ALREADY_RESOLVED",
            Self::SplitOutOfRange { .. } => "SPLIT_OUT_OF_RANGE",
            Self::PayerAmountMismatch => "PAYER_AMOUNT_MISMATCH",
            Self::OrderExists => "ORDER_EXISTS",
            Self::PaymentDeclined => "PAYMENT_DECLINED",
            Self::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::WithdrawalDecided => "WITHDRAWAL_ALREADY_DECIDED",
            Self::EmailTaken => "EMAIL_TAKEN",
            Self::BadCredentials => "BAD_CREDENTIALS",
            Self::TooManyAttempts { .. } => "TOO_MANY_ATTEMPTS",
            Self::EmailNotVerified => "EMAIL_NOT_VERIFIED",
            Self::SecondFactorRequired => "SECOND_FACTOR_REQUIRED",
            Self::SecondFactorWrong => "SECOND_FACTOR_WRONG",
            Self::SecondFactorActive => "SECOND_FACTOR_ACTIVE",
            Self::SecondFactorMissing => "SECOND_FACTOR_NOT_ENROLLED",
            Self::SessionOver => "SESSION_OVER",
            Self::LinkSpent => "LINK_SPENT",
            Self::WeakPassword { .. } => "WEAK_PASSWORD",
            Self::TooMany { what, .. } => match what {
                QuotaKind::OpenOffers => "TOO_MANY_OPEN_OFFERS",
                QuotaKind::Listings => "TOO_MANY_LISTINGS",
                QuotaKind::OpenWithdrawals => "TOO_MANY_OPEN_WITHDRAWALS",
            },
            Self::CancelledTooOften { .. } => "CANCELLED_TOO_OFTEN",
            Self::Broken { .. } => "INTERNAL",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(noun) => {
                let noun = match noun {
                    Resource::Offer => "offer",
                    Resource::Listing => "listing",
                    Resource::Dispute => "dispute",
                    Resource::Exchanger => "exchanger",
                    Resource::User => "user",
                    Resource::Account => "account",
                    Resource::Notification => "notification",
                    Resource::Order => "order",
                    Resource::Payment => "payment",
                    Resource::Withdrawal => "withdrawal",
                    Resource::Session => "session",
                };
                write!(f, "there is no such {noun}")
            }
            Self::IllegalTransition {
                state: Some(state),
                trigger,
                actor,
            } => {
                write!(f, "{actor} cannot `{trigger}` a deal that is {state}")
            }
            Self::IllegalTransition {
                state: None,
                trigger,
                actor,
            } => {
                write!(f, "{actor} cannot `{trigger}` a deal that does not exist")
            }
            Self::RoleRequired { role } => write!(f, "this needs the role {role}"),
            Self::IdentityMismatch => {
                f.write_str("the request names somebody other than the caller as its author")
            }
            Self::NotOwner => f.write_str("only the owner may do this"),
            Self::ConflictOfInterest => f.write_str("nobody decides in a matter of their own"),
            Self::OwnAdminRole => f.write_str("administrators keep their own ADMIN role"),
            Self::SelfDeal => f.write_str("nobody deals with themself"),
            Self::Amount { field, error } => write!(f, "{field}: {error}"),
            Self::InsufficientFunds { asset } => write!(f, "not enough {asset} available"),
            Self::CounterpartyFunds { asset } => {
                write!(f, "the other side does not have enough {asset} available")
            }
            Self::BalanceOverflow => f.write_str("the balance would become too large"),
            Self::ListingPaused => f.write_str("the listing is paused"),
            Self::ListingClosed => f.write_str("the listing is closed"),
            Self::WrongExchangeType => {
                f.write_str("the listing is for the other direction of exchange")
            }
            Self::ExchangerOffline => f.write_str("the exchanger is offline"),
            Self::ExchangerFrozen => {
                f.write_str("the exchanger is frozen until a moderator decides otherwise")
            }
            Self::OverRemaining { remaining } => {
                write!(f, "only {remaining} {} remain", remaining.asset())
            }
            Self::BelowMinimum { fiat, min } => write!(
                f,
                "this is {fiat} {0}, the listing takes offers from {min} {0}",
                min.asset()
            ),
            Self::AboveMaximum { fiat, max } => write!(
                f,
                "this is {fiat} {0}, the listing takes offers up to {max} {0}",
                max.asset()
            ),
            Self::InvalidListing { field, reason } => write!(f, "{field} {reason}"),
            Self::TotalBelowCommitted => {
                f.write_str("the total cannot be less than what open and finished deals have taken")
            }
            Self::DisputeAlreadyOpened => {
                f.write_str("this side has opened a dispute of this deal before")
            }
            Self::DisputeResolved => f.write_str("the dispute is resolved"),
            Self::SplitOutOfRange { escrow } => write!(
                f,
                "a split gives both sides something: payer_amount must be between 0 and {escrow} {}, exclusive",
                escrow.asset()
            ),
            Self::PayerAmountMismatch => {
                f.write_str("payer_amount belongs to RESOLVED_SPLIT, and only there")
            }
            Self::OrderExists => f.write_str("this order id names another order"),
            Self::PaymentDeclined => {
                f.write_str("the payment was declined: there is nothing to refund")
            }
            Self::IdempotencyKeyReused => {
                f.write_str("this idempotency key was used before, for another request")
            }
            Self::WithdrawalDecided => f.write_str("the withdrawal is decided"),
            Self::EmailTaken => f.write_str("this e-mail address has an account already"),
            Self::BadCredentials => f.write_str("e-mail and password do not belong together"),
            Self::TooManyAttempts { wait } => write!(
                f,
                "too many log-ins have failed: wait {} seconds, or reset the password",
                wait.as_millis().div_ceil(1_000)
            ),
            Self::EmailNotVerified => {
                f.write_str("verify the e-mail address first: a mail has been sent to it")
            }
            Self::SecondFactorRequired => f.write_str(
                "this needs a second factor: at a log-in send its code as `code`; in a session show one at /api/auth/2fa/verify, which counts for some minutes, or enrol one first",
            ),
            Self::SecondFactorWrong => {
                f.write_str("not a code of this second factor, or one that was used before")
            }
            Self::SecondFactorActive => f.write_str("a second factor is in use already"),
            Self::SecondFactorMissing => f.write_str("no second factor is in use"),
            Self::SessionOver => f.write_str("the session is over: log in again"),
            Self::LinkSpent => f.write_str("the link is not good, or not any more"),
            Self::WeakPassword { reason } => write!(f, "the password {reason}"),
            Self::TooMany { what, most } => {
                let what = match what {
                    QuotaKind::OpenOffers => "open deals",
                    QuotaKind::Listings => "listings",
                    QuotaKind::OpenWithdrawals => "undecided withdrawals",
                };
                write!(f, "nobody may have more than {most} {what}")
            }
            Self::CancelledTooOften { until } => {
                write!(f, "too many deals were called off: no new offers until {until}")
            }
            Self::Broken { what } => write!(f, "a law of the market would break: {what}"),
        }
    }
}

impl std::error::Error for Refusal {}
