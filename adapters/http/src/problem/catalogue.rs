//! One of each problem that there is: for the documentation, and for the tests that hold it to the truth.

use std::time::Duration;

use p2p_application::CommandError;
use p2p_application::ports::TokenError;
use p2p_domain::offer::Trigger;
use p2p_domain::refusal::{
    AccessRefusal, ConductRefusal, DisputeRefusal, ExchangerRefusal, LedgerRefusal, ListingFlaw,
    ListingRefusal, OfferRefusal, OrderRefusal, PaymentRefusal, QuotaKind, Resource,
    SecondFactorRefusal, SessionRefusal, UserRefusal, WithdrawalRefusal,
};
use p2p_domain::{Actor, Asset, IdError, Money, MoneyError, Refusal, Role, Status, Timestamp};

use p2p_edge::{FieldError, ProblemDetails};

use super::{Problem, SignatureError};

/// One of each, by code.
pub(crate) fn catalogue() -> Vec<Problem> {
    let mut all = of_requests();
    all.extend(refusals().into_iter().map(Problem::from));
    all.extend(
        [
            CommandError::Busy,
            CommandError::Unavailable,
            CommandError::InDoubt,
            CommandError::Internal,
        ]
        .map(Problem::from),
    );
    all
}

/// Those of requests that no use case has seen.
pub(super) fn of_requests() -> Vec<Problem> {
    let expected = "offer";
    let found = "listing".to_owned();
    let field = |field: &str, code, message| vec![FieldError::new(field, code, message)];
    vec![
        ProblemDetails::not_json("expected `,` or `}` at line 3 column 5").into(),
        ProblemDetails::unsupported_media_type().into(),
        ProblemDetails::too_large().into(),
        ProblemDetails::body_too_slow().into(),
        ProblemDetails::invalid(field(
            "reason",
            "INVALID_LENGTH",
            "must have 1 to 2000 characters",
        ))
        .into(),
        ProblemDetails::invalid(field("reason", "MISSING_FIELD", "is required")).into(),
        ProblemDetails::invalid(field(
            "online",
            "WRONG_TYPE",
            "invalid type: string \"yes\", expected a boolean",
        ))
        .into(),
        ProblemDetails::invalid(field("amuont", "UNKNOWN_FIELD", "unknown field `amuont`")).into(),
        ProblemDetails::invalid(field("amount", "DUPLICATE_FIELD", "is given twice")).into(),
        ProblemDetails::invalid_query(field("limit", "OUT_OF_RANGE", "must be 1 to 100")).into(),
        ProblemDetails::invalid_cursor().into(),
        Problem::bad_id(&IdError::Malformed { expected }),
        Problem::bad_id(&IdError::WrongKind { expected, found }),
        ProblemDetails::unauthenticated("an access token is needed: log in first").into(),
        Problem::bad_token(TokenError::Invalid),
        Problem::bad_token(TokenError::Expired),
        Problem::bad_signature(SignatureError::Missing),
        Problem::bad_signature(SignatureError::Invalid),
        Problem::bad_signature(SignatureError::Expired),
        Problem::invalid_report("currency: \"XXX\" is not known".to_owned()),
        ProblemDetails::bad_idempotency_key().into(),
        ProblemDetails::idempotency_key_required().into(),
        Problem::invalid_last_event_id(),
        Problem::too_many_streams(),
        Problem::no_stream_left(),
        ProblemDetails::rate_limited(1).into(),
        Problem::upgrade_required(),
        Problem::origin_not_allowed(),
        ProblemDetails::no_such_route().into(),
        ProblemDetails::method_not_allowed(None).into(),
        ProblemDetails::timed_out().into(),
    ]
}

/// One of each refusal, but for the defects of ours.
pub(super) fn refusals() -> Vec<Refusal> {
    let usdt = |minor| Money::new(minor, Asset::Usdt);
    let euros = |minor| Money::new(minor, Asset::Eur);
    let nouns = [
        Resource::Offer,
        Resource::Listing,
        Resource::Dispute,
        Resource::Exchanger,
        Resource::User,
        Resource::Account,
        Resource::Notification,
        Resource::Order,
        Resource::Payment,
        Resource::Withdrawal,
        Resource::Session,
    ];
    let quota_counts = [
        QuotaKind::OpenOffers,
        QuotaKind::Listings,
        QuotaKind::OpenWithdrawals,
    ];
    let amounts = [
        MoneyError::Malformed,
        MoneyError::TooManyDecimals { most: 6 },
        MoneyError::Overflow,
        MoneyError::NotPositive,
        MoneyError::AssetMismatch {
            expected: Asset::Usdt,
            found: Asset::Btc,
        },
    ];
    let others = [
        Refusal::Offer(OfferRefusal::IllegalTransition {
            state: Some(Status::Cancelled),
            trigger: Trigger::Accept,
            actor: Actor::Exchanger,
        }),
        Refusal::Access(AccessRefusal::RoleRequired {
            role: Role::Exchanger,
        }),
        Refusal::Access(AccessRefusal::IdentityMismatch),
        Refusal::Access(AccessRefusal::NotOwner),
        Refusal::Access(AccessRefusal::ConflictOfInterest),
        Refusal::Access(AccessRefusal::OwnAdminRole),
        Refusal::Access(AccessRefusal::SelfDeal),
        Refusal::Ledger(LedgerRefusal::InsufficientFunds { asset: Asset::Usdt }),
        Refusal::Ledger(LedgerRefusal::CounterpartyFunds { asset: Asset::Usdt }),
        Refusal::Ledger(LedgerRefusal::BalanceOverflow),
        Refusal::Listing(ListingRefusal::Paused),
        Refusal::Listing(ListingRefusal::Closed),
        Refusal::Listing(ListingRefusal::WrongExchangeType),
        Refusal::Exchanger(ExchangerRefusal::Offline),
        Refusal::Exchanger(ExchangerRefusal::Frozen),
        Refusal::Listing(ListingRefusal::OverRemaining {
            remaining: usdt(50_000_000),
        }),
        Refusal::Listing(ListingRefusal::BelowMinimum {
            fiat: euros(995),
            min: euros(5_000),
        }),
        Refusal::Listing(ListingRefusal::AboveMaximum {
            fiat: euros(199_000),
            max: euros(100_000),
        }),
        Refusal::Listing(ListingRefusal::Invalid(ListingFlaw::MaxBelowMin)),
        Refusal::Listing(ListingRefusal::TotalBelowCommitted),
        Refusal::Dispute(DisputeRefusal::AlreadyOpened),
        Refusal::Dispute(DisputeRefusal::AlreadyResolved),
        Refusal::Offer(OfferRefusal::SplitOutOfRange {
            escrow: usdt(100_000_000),
        }),
        Refusal::Dispute(DisputeRefusal::PayerAmountMismatch),
        Refusal::Order(OrderRefusal::Exists),
        Refusal::Payment(PaymentRefusal::Declined),
        Refusal::IdempotencyKeyReused,
        Refusal::Withdrawal(WithdrawalRefusal::AlreadyDecided),
        Refusal::User(UserRefusal::EmailTaken),
        Refusal::Session(SessionRefusal::BadCredentials),
        Refusal::Session(SessionRefusal::TooManyAttempts {
            wait: Duration::from_millis(7_200),
        }),
        Refusal::User(UserRefusal::EmailNotVerified),
        Refusal::SecondFactor(SecondFactorRefusal::Required),
        Refusal::SecondFactor(SecondFactorRefusal::Wrong),
        Refusal::SecondFactor(SecondFactorRefusal::AlreadyActive),
        Refusal::SecondFactor(SecondFactorRefusal::NotEnrolled),
        Refusal::Session(SessionRefusal::Over),
        Refusal::User(UserRefusal::LinkSpent),
        Refusal::User(UserRefusal::WeakPassword {
            reason: "is known from a breach",
        }),
        Refusal::Conduct(ConductRefusal::CancelledTooOften {
            until: Timestamp::from_micros(1_744_988_400_000_000),
        }),
    ];
    nouns
        .map(Refusal::NotFound)
        .into_iter()
        .chain(amounts.map(Refusal::amount))
        .chain(quota_counts.map(|kind| Refusal::TooMany { kind, max: 20 }))
        .chain(others)
        .collect()
}
