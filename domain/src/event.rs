//! What happened, told once per business fact. Public messages are made from these, never from the aggregates.

use crate::dispute::Resolution;
use crate::named::named;
use crate::order::Purchase;
use crate::{
    Actor, Decline, DisputeId, ListingId, Money, OfferId, OrderId, PaymentId, Role, Timestamp,
    UserId, WithdrawalId,
};

/// A fact, the version of its aggregate when it came true, and when that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub fact: Fact,
    pub version: u64,
    pub at: Timestamp,
}

/// Who deals with whom about what: carried by every fact of a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deal {
    pub offer: OfferId,
    pub listing: ListingId,
    pub customer: UserId,
    pub exchanger: UserId,
    pub amount: Money,
}

/// The business facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    ExchangeOfferCreated {
        deal: Deal,
    },
    ExchangeOfferApproved {
        deal: Deal,
    },
    ExchangeOfferDeclined {
        deal: Deal,
    },
    PaymentConfirmed {
        deal: Deal,
        reference: String,
        by: Actor,
    },
    ReceiptConfirmed {
        deal: Deal,
    },
    ExchangeOfferFinished {
        deal: Deal,
        paid_out: Money,
        fee: Money,
    },
    ExchangeOfferCancelled {
        deal: Deal,
        by: Actor,
    },
    DisputeOpened {
        deal: Deal,
        dispute: DisputeId,
        by: Actor,
    },
    DisputeResolved {
        deal: Deal,
        dispute: DisputeId,
        resolution: Resolution,
    },
    ExchangerFrozen {
        exchanger: UserId,
        unanswered: u32,
    },
    ExchangerUnfrozen {
        exchanger: UserId,
        by: UserId,
    },
    OrderPaymentRequested {
        order: OrderId,
        purchase: Purchase,
    },
    /// An order's payment was made, or declined.
    PaymentProcessed {
        payment: PaymentId,
        order: OrderId,
        purchase: Purchase,
        decline: Option<Decline>,
    },
    PaymentRefunded {
        payment: PaymentId,
        order: OrderId,
        purchase: Purchase,
    },
    WithdrawalRequested {
        request: WithdrawalRequest,
    },
    WithdrawalApproved {
        request: WithdrawalRequest,
        by: UserId,
    },
    WithdrawalRejected {
        request: WithdrawalRequest,
        by: UserId,
        reason: String,
    },
}

/// Who wants to take out how much: carried by every fact of a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithdrawalRequest {
    pub withdrawal: WithdrawalId,
    pub user: UserId,
    pub amount: Money,
}

impl Fact {
    /// The name under which the fact is published.
    #[must_use]
    pub const fn name(&self) -> FactName {
        match self {
            Self::ExchangeOfferCreated { .. } => FactName::ExchangeOfferCreated,
            Self::ExchangeOfferApproved { .. } => FactName::ExchangeOfferApproved,
            Self::ExchangeOfferDeclined { .. } => FactName::ExchangeOfferDeclined,
            Self::PaymentConfirmed { .. } => FactName::PaymentConfirmed,
            Self::ReceiptConfirmed { .. } => FactName::ReceiptConfirmed,
            Self::ExchangeOfferFinished { .. } => FactName::ExchangeOfferFinished,
            Self::ExchangeOfferCancelled { .. } => FactName::ExchangeOfferCancelled,
            Self::DisputeOpened { .. } => FactName::DisputeOpened,
            Self::DisputeResolved { .. } => FactName::DisputeResolved,
            Self::ExchangerFrozen { .. } => FactName::ExchangerFrozen,
            Self::ExchangerUnfrozen { .. } => FactName::ExchangerUnfrozen,
            Self::OrderPaymentRequested { .. } => FactName::OrderPaymentRequested,
            Self::PaymentProcessed { .. } => FactName::PaymentProcessed,
            Self::PaymentRefunded { .. } => FactName::PaymentRefunded,
            Self::WithdrawalRequested { .. } => FactName::WithdrawalRequested,
            Self::WithdrawalApproved { .. } => FactName::WithdrawalApproved,
            Self::WithdrawalRejected { .. } => FactName::WithdrawalRejected,
        }
    }

    /// Whose version the event carries.
    #[must_use]
    pub const fn aggregate(&self) -> AggregateRef {
        match self {
            Self::ExchangeOfferCreated { deal }
            | Self::ExchangeOfferApproved { deal }
            | Self::ExchangeOfferDeclined { deal }
            | Self::PaymentConfirmed { deal, .. }
            | Self::ReceiptConfirmed { deal }
            | Self::ExchangeOfferFinished { deal, .. }
            | Self::ExchangeOfferCancelled { deal, .. } => AggregateRef::Offer(deal.offer),
            Self::DisputeOpened { dispute, .. } | Self::DisputeResolved { dispute, .. } => {
                AggregateRef::Dispute(*dispute)
            }
            Self::ExchangerFrozen { exchanger, .. } | Self::ExchangerUnfrozen { exchanger, .. } => {
                AggregateRef::Exchanger(*exchanger)
            }
            Self::OrderPaymentRequested { order, .. } => AggregateRef::Order(*order),
            Self::PaymentProcessed { payment, .. } | Self::PaymentRefunded { payment, .. } => {
                AggregateRef::Payment(*payment)
            }
            Self::WithdrawalRequested { request }
            | Self::WithdrawalApproved { request, .. }
            | Self::WithdrawalRejected { request, .. } => {
                AggregateRef::Withdrawal(request.withdrawal)
            }
        }
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

/// What an event is about, and so who is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Deal,
    Exchanger,
    /// Orders and payments tell each other; whoever pays is told by the order.
    Order,
    Withdrawal,
}

impl FactName {
    /// What it is about.
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

    /// Which of the staff must know, since they will be asked to decide.
    #[must_use]
    pub const fn concerns_staff(self) -> Option<Role> {
        match self {
            Self::DisputeOpened | Self::ExchangerFrozen => Some(Role::Moderator),
            Self::WithdrawalRequested => Some(Role::Admin),
            _ => None,
        }
    }
}

/// What a version counts the changes of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateRef {
    Offer(OfferId),
    Dispute(DisputeId),
    Exchanger(UserId),
    Order(OrderId),
    Payment(PaymentId),
    Withdrawal(WithdrawalId),
}
