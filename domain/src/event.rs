//! Business facts: the sum of the events of all aggregates. Public messages are made from these, never from the
//! aggregates.

use crate::dispute::DisputeEvent;
use crate::exchanger::ExchangerEvent;
use crate::named::named;
use crate::offer::OfferEvent;
use crate::order::OrderEvent;
use crate::payment::PaymentEvent;
use crate::stamped::Stamped;
use crate::withdrawal::WithdrawalEvent;
use crate::{DisputeId, OfferId, OrderId, PaymentId, Role, UserId, WithdrawalId};

/// A business fact with the version of its aggregate and its time.
pub type Event = Stamped<Fact>;

/// A business fact of any aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    Offer(OfferEvent),
    Dispute(DisputeEvent),
    Exchanger(ExchangerEvent),
    Order(OrderEvent),
    Payment(PaymentEvent),
    Withdrawal(WithdrawalEvent),
}

macro_rules! sums {
    ($($variant:ident($event:ty)),* $(,)?) => {$(
        impl From<$event> for Fact {
            fn from(event: $event) -> Self { Self::$variant(event) }
        }

        impl From<Stamped<$event>> for Event {
            fn from(event: Stamped<$event>) -> Self { event.map(Fact::$variant) }
        }
    )*};
}

sums! {
    Offer(OfferEvent),
    Dispute(DisputeEvent),
    Exchanger(ExchangerEvent),
    Order(OrderEvent),
    Payment(PaymentEvent),
    Withdrawal(WithdrawalEvent),
}

impl Fact {
    /// The name under which the fact is published.
    #[must_use]
    pub const fn name(&self) -> FactName {
        match self {
            Self::Offer(event) => offer_name(event),
            Self::Dispute(DisputeEvent::Opened { .. }) => FactName::DisputeOpened,
            Self::Dispute(DisputeEvent::Resolved { .. }) => FactName::DisputeResolved,
            Self::Exchanger(ExchangerEvent::Frozen { .. }) => FactName::ExchangerFrozen,
            Self::Exchanger(ExchangerEvent::Unfrozen { .. }) => FactName::ExchangerUnfrozen,
            Self::Order(OrderEvent::PaymentRequested { .. }) => FactName::OrderPaymentRequested,
            Self::Payment(PaymentEvent::Processed { .. }) => FactName::PaymentProcessed,
            Self::Payment(PaymentEvent::Refunded { .. }) => FactName::PaymentRefunded,
            Self::Withdrawal(WithdrawalEvent::Requested { .. }) => FactName::WithdrawalRequested,
            Self::Withdrawal(WithdrawalEvent::Approved { .. }) => FactName::WithdrawalApproved,
            Self::Withdrawal(WithdrawalEvent::Rejected { .. }) => FactName::WithdrawalRejected,
        }
    }

    /// The aggregate whose version the event carries.
    #[must_use]
    pub const fn aggregate(&self) -> AggregateRef {
        match self {
            Self::Offer(event) => AggregateRef::Offer(event.deal().offer),
            Self::Dispute(event) => AggregateRef::Dispute(event.dispute()),
            Self::Exchanger(event) => AggregateRef::Exchanger(event.exchanger()),
            Self::Order(event) => AggregateRef::Order(event.order()),
            Self::Payment(event) => AggregateRef::Payment(event.payment()),
            Self::Withdrawal(event) => AggregateRef::Withdrawal(event.request().withdrawal),
        }
    }
}

const fn offer_name(event: &OfferEvent) -> FactName {
    match event {
        OfferEvent::Created { .. } => FactName::ExchangeOfferCreated,
        OfferEvent::Approved { .. } => FactName::ExchangeOfferApproved,
        OfferEvent::Declined { .. } => FactName::ExchangeOfferDeclined,
        OfferEvent::PaymentConfirmed { .. } => FactName::PaymentConfirmed,
        OfferEvent::ReceiptConfirmed { .. } => FactName::ReceiptConfirmed,
        OfferEvent::Finished { .. } => FactName::ExchangeOfferFinished,
        OfferEvent::Cancelled { .. } => FactName::ExchangeOfferCancelled,
    }
}

named! {
    /// The public names of the facts.
    FactName {
        ExchangeOfferCreated = "ExchangeOfferCreated",
        ExchangeOfferApproved = "ExchangeOfferApproved",
        ExchangeOfferDeclined = "ExchangeOfferDeclined",
        PaymentConfirmed = "PaymentConfirmed",
        ReceiptConfirmed = "ReceiptConfirmed",
        ExchangeOfferFinished = "ExchangeOfferFinished",
        ExchangeOfferCancelled = "ExchangeOfferCancelled",
        DisputeOpened = "DisputeOpened",
        DisputeResolved = "DisputeResolved",
        ExchangerFrozen = "ExchangerFrozen",
        ExchangerUnfrozen = "ExchangerUnfrozen",
        OrderPaymentRequested = "OrderPaymentRequested",
        PaymentProcessed = "PaymentProcessed",
        PaymentRefunded = "PaymentRefunded",
        WithdrawalRequested = "WithdrawalRequested",
        WithdrawalApproved = "WithdrawalApproved",
        WithdrawalRejected = "WithdrawalRejected",
    }
}

/// The kind of thing that an event is about. It decides which users are notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Deal,
    Exchanger,
    /// Orders and payments exchange these events; the buyer is notified when the order is settled.
    Order,
    Withdrawal,
}

impl FactName {
    /// The kind of thing that the event is about.
    #[must_use]
    pub const fn subject(self) -> Subject {
        match self {
            Self::ExchangeOfferCreated
            | Self::ExchangeOfferApproved
            | Self::ExchangeOfferDeclined
            | Self::PaymentConfirmed
            | Self::ReceiptConfirmed
            | Self::ExchangeOfferFinished
            | Self::ExchangeOfferCancelled
            | Self::DisputeOpened
            | Self::DisputeResolved => Subject::Deal,
            Self::ExchangerFrozen | Self::ExchangerUnfrozen => Subject::Exchanger,
            Self::OrderPaymentRequested | Self::PaymentProcessed | Self::PaymentRefunded => {
                Subject::Order
            }
            Self::WithdrawalRequested | Self::WithdrawalApproved | Self::WithdrawalRejected => {
                Subject::Withdrawal
            }
        }
    }

    /// The staff role that has to act on the event, if any.
    #[must_use]
    pub const fn concerns_staff(self) -> Option<Role> {
        match self {
            Self::DisputeOpened | Self::ExchangerFrozen => Some(Role::Moderator),
            Self::WithdrawalRequested => Some(Role::Admin),
            _ => None,
        }
    }
}

/// The aggregate that a version belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateRef {
    Offer(OfferId),
    Dispute(DisputeId),
    Exchanger(UserId),
    Order(OrderId),
    Payment(PaymentId),
    Withdrawal(WithdrawalId),
}
