//! The contract's status table, transcribed by hand.
//!
//! This is the expected side of the tests, so it asks nothing of [`p2p_domain::offer::machine::RULES`]: the parties are
//! written out for each direction, and so is everything that a move brings with it. A change of the contract is made
//! here and there.

use p2p_domain::ExchangeType;
use p2p_domain::ledger::PostingKind;
use p2p_domain::offer::{Actor, Response, Status, Trigger};

/// Who may move, by direction: CRYPTO2FIAT first, then FIAT2CRYPTO.
type By = [&'static [Actor]; 2];

const CUSTOMER: By = [&[Actor::Customer]; 2];
const EXCHANGER: By = [&[Actor::Exchanger]; 2];
const EITHER: By = [&[Actor::Customer, Actor::Exchanger]; 2];
const PAYER: By = [&[Actor::Exchanger], &[Actor::Customer]];
const PAYER_OR_PROVIDER: By = [
    &[Actor::Exchanger, Actor::Provider],
    &[Actor::Customer, Actor::Provider],
];
const HOLDER: By = [&[Actor::Customer], &[Actor::Exchanger]];
const MODERATOR: By = [&[Actor::Moderator]; 2];
const SYSTEM: By = [&[Actor::System]; 2];

/// Until when the deal waits after a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// No deadline.
    Never,
    /// The deadline that it had.
    Unchanged,
    Response,
    Payment,
    Receipt,
}

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) from: Option<Status>,
    pub(crate) trigger: Trigger,
    by: By,
    /// Every status that it passes through; none: a proposal.
    pub(crate) path: &'static [Status],
    pub(crate) money: Option<PostingKind>,
    pub(crate) until: Until,
    pub(crate) response: Option<Response>,
    /// One event for each status of the path.
    pub(crate) events: &'static [&'static str],
}

impl Row {
    /// Who may make this move in a deal of this direction.
    pub(crate) fn actors(&self, direction: ExchangeType) -> &'static [Actor] {
        match direction {
            ExchangeType::CryptoToFiat => self.by[0],
            ExchangeType::FiatToCrypto => self.by[1],
        }
    }

    /// Whether a history that goes by this line has one of these statuses right after the other.
    pub(crate) fn leads(&self, before: Option<Status>, after: Status) -> bool {
        if self.path.is_empty() {
            return before == self.from && self.from == Some(after);
        }
        let earlier = [self.from]
            .into_iter()
            .chain(self.path.iter().copied().map(Some));
        let mut steps = earlier.zip(self.path);
        steps.any(|step| step == (before, &after))
    }
}

/// The line for this move; `None`: the contract knows no such move.
pub(crate) fn row(
    from: Option<Status>,
    trigger: Trigger,
    actor: Actor,
    direction: ExchangeType,
) -> Option<&'static Row> {
    TABLE.iter().find(|row| {
        row.from == from && row.trigger == trigger && row.actors(direction).contains(&actor)
    })
}

/// What the passing of the deadline means in this status.
pub(crate) fn timeout(from: Status) -> Option<&'static Row> {
    TABLE
        .iter()
        .find(|row| row.from == Some(from) && row.by == SYSTEM)
}

#[rustfmt::skip]
pub(crate) const TABLE: &[Row] = &{
    use PostingKind::{Capture, Hold, Release, Split};
    use Status::{Approved, Cancelled, Declined, DisputeOpen, Finished, PaymentConfirmed, Pending, ReceiptConfirmed};
    use Trigger as T;

    const GIVEN: Option<Response> = Some(Response::Given);
    const MISSING: Option<Response> = Some(Response::Missing);
    const CANCELS: &[&str] = &["ExchangeOfferCancelled"];
    const DISPUTES: &[&str] = &["DisputeOpened"];
    const FINISHES: &[&str] = &["ExchangeOfferFinished"];

    const fn to(from: Status, trigger: Trigger, by: By, path: &'static [Status], until: Until, events: &'static [&'static str]) -> Row {
        Row { from: Some(from), trigger, by, path, money: None, until, response: None, events }
    }
    const fn end(from: Status, trigger: Trigger, by: By, path: &'static [Status], money: PostingKind, events: &'static [&'static str]) -> Row {
        Row { from: Some(from), trigger, by, path, money: Some(money), until: Until::Never, response: None, events }
    }
    const fn responding(row: Row, response: Option<Response>) -> Row {
        Row { response, ..row }
    }

    [
        Row { from: None, trigger: T::Create, by: CUSTOMER, path: &[Pending], money: Some(Hold), until: Until::Response,
              response: None, events: &["ExchangeOfferCreated"] },

        responding(to(Pending, T::Accept,           EXCHANGER,         &[Approved],         Until::Payment,   &["ExchangeOfferApproved"]), GIVEN),
        responding(end(Pending, T::Decline,         EXCHANGER,         &[Declined],         Release,          &["ExchangeOfferDeclined"]), GIVEN),
        end(Pending,          T::Cancel,          CUSTOMER,          &[Cancelled],        Release,          CANCELS),
        responding(end(Pending, T::Cancel,          EXCHANGER,         &[Cancelled],        Release,          CANCELS), GIVEN),
        responding(end(Pending, T::ResponseTimeout, SYSTEM,            &[Cancelled],        Release,          CANCELS), MISSING),

        to(Approved,          T::ConfirmPayment,  PAYER_OR_PROVIDER, &[PaymentConfirmed], Until::Receipt,   &["PaymentConfirmed"]),
        end(Approved,         T::Cancel,          PAYER,             &[Cancelled],        Release,          CANCELS),
        to(Approved,          T::Cancel,          HOLDER,            &[],                 Until::Unchanged, &[]),
        end(Approved,         T::PaymentTimeout,  SYSTEM,            &[Cancelled],        Release,          CANCELS),
        to(Approved,          T::OpenDispute,     EITHER,            &[DisputeOpen],      Until::Never,     DISPUTES),

        end(PaymentConfirmed, T::ConfirmReceipt,  HOLDER,            &[ReceiptConfirmed, Finished], Capture, &["ReceiptConfirmed", "ExchangeOfferFinished"]),
        end(PaymentConfirmed, T::Cancel,          PAYER,             &[Cancelled],        Release,          CANCELS),
        to(PaymentConfirmed,  T::Cancel,          HOLDER,            &[],                 Until::Unchanged, &[]),
        to(PaymentConfirmed,  T::ReceiptTimeout,  SYSTEM,            &[DisputeOpen],      Until::Never,     DISPUTES),
        to(PaymentConfirmed,  T::OpenDispute,     EITHER,            &[DisputeOpen],      Until::Never,     DISPUTES),

        to(DisputeOpen,       T::OpenDispute,     EITHER,            &[DisputeOpen],      Until::Never,     DISPUTES),
        end(DisputeOpen,      T::ResolveFinished, MODERATOR,         &[Finished],         Capture,          FINISHES),
        end(DisputeOpen,      T::ResolveCancelled, MODERATOR,        &[Cancelled],        Release,          CANCELS),
        end(DisputeOpen,      T::ResolveSplit,    MODERATOR,         &[Finished],         Split,            FINISHES),
    ]
};
