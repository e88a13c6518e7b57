//! Payments: money that goes from one account to another, once for each origin.

use std::fmt;

use crate::named::named;
use crate::purchase::Purchase;
use crate::stamped::Stamped;
use crate::{AccountId, Money, OrderId, PaymentId, Timestamp, UserId};

named! {
    /// Why a payment was not made.
    Decline {
        InsufficientFunds = "INSUFFICIENT_FUNDS",
        AccountNotFound = "ACCOUNT_NOT_FOUND",
        InvalidAmount = "INVALID_AMOUNT",
        SameAccount = "SAME_ACCOUNT",
        CurrencyMismatch = "CURRENCY_MISMATCH",
        RateLimited = "RATE_LIMITED",
    }
}

impl Decline {
    /// The reason in words, for users.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "there is not enough money in the wallet",
            Self::AccountNotFound => "there is no such account",
            Self::InvalidAmount => "the amount can't be paid",
            Self::SameAccount => "payer and payee are the same",
            Self::CurrencyMismatch => "the accounts are in other currencies",
            Self::RateLimited => "too many payments in a short time",
        }
    }
}

/// What a payment is made for. There is at most one payment per origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PaymentOrigin {
    Order(OrderId),
    /// A user asked for it, under a key of the user's choice.
    Caller {
        user: UserId,
        key: String,
    },
}

/// What the payment was asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentTerms {
    /// `None`: there is no such account.
    pub payer: Option<AccountId>,
    pub payee: Option<AccountId>,
    pub amount: Money,
    pub description: String,
}

/// The state of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentState {
    /// The money has changed hands.
    Authorized,
    Declined(Decline),
    /// The money has gone back.
    Refunded {
        by: UserId,
        at: Timestamp,
    },
}

/// A payment. It is made or declined at once and for good; only a payment that was made can be refunded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub id: PaymentId,
    pub origin: PaymentOrigin,
    pub terms: PaymentTerms,
    pub state: PaymentState,
    pub processed_at: Timestamp,
    pub version: u64,
}

/// An event of a payment that an order asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentEvent {
    /// The payment was made, or declined.
    Processed {
        payment: PaymentId,
        order: OrderId,
        purchase: Purchase,
        decline: Option<Decline>,
    },
    Refunded {
        payment: PaymentId,
        order: OrderId,
        purchase: Purchase,
    },
}

impl PaymentEvent {
    /// The payment that it is about.
    #[must_use]
    pub const fn payment(&self) -> PaymentId {
        match self {
            Self::Processed { payment, .. } | Self::Refunded { payment, .. } => *payment,
        }
    }
}

/// Why a payment can't be refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentRefusal {
    /// The payment was declined.
    Declined,
}

impl PaymentRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Declined => "PAYMENT_DECLINED",
        }
    }
}

impl fmt::Display for PaymentRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined => f.write_str("the payment was declined: there is nothing to refund"),
        }
    }
}

impl std::error::Error for PaymentRefusal {}

impl Payment {
    /// A payment with its outcome.
    #[must_use]
    pub const fn process(
        id: PaymentId,
        origin: PaymentOrigin,
        terms: PaymentTerms,
        decline: Option<Decline>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            origin,
            terms,
            state: match decline {
                None => PaymentState::Authorized,
                Some(decline) => PaymentState::Declined(decline),
            },
            processed_at: now,
            version: 1,
        }
    }

    /// Whether this user asked for it, under a key of the user's choice.
    #[must_use]
    pub fn was_asked_for_by(&self, caller: UserId) -> bool {
        matches!(self.origin, PaymentOrigin::Caller { user, .. } if user == caller)
    }

    /// Why it was declined, if it was.
    #[must_use]
    pub const fn decline(&self) -> Option<Decline> {
        match self.state {
            PaymentState::Declined(decline) => Some(decline),
            PaymentState::Authorized | PaymentState::Refunded { .. } => None,
        }
    }

    /// The event of its outcome, if it pays an order.
    #[must_use]
    pub fn processed(&self, purchase: &Purchase) -> Option<Stamped<PaymentEvent>> {
        let PaymentOrigin::Order(order) = self.origin else {
            return None;
        };
        Some(Stamped {
            fact: PaymentEvent::Processed {
                payment: self.id,
                order,
                purchase: purchase.clone(),
                decline: self.decline(),
            },
            version: self.version,
            at: self.processed_at,
        })
    }

    /// The refunded payment; `None` if it was refunded before.
    pub fn refund(self, by: UserId, now: Timestamp) -> Result<Option<Self>, PaymentRefusal> {
        match self.state {
            PaymentState::Declined(_) => Err(PaymentRefusal::Declined),
            PaymentState::Refunded { .. } => Ok(None),
            PaymentState::Authorized => Ok(Some(Self {
                state: PaymentState::Refunded { by, at: now },
                version: self.version + 1,
                ..self
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Asset, TypedId};

    const NOW: Timestamp = Timestamp::from_micros(2);

    fn payment(decline: Option<Decline>) -> Payment {
        let terms = PaymentTerms {
            payer: Some(AccountId::from_u128(1)),
            payee: Some(AccountId::from_u128(2)),
            amount: Money::new(500, Asset::Rub),
            description: String::new(),
        };
        let origin = PaymentOrigin::Order(OrderId::from_u128(3));
        Payment::process(PaymentId::from_u128(4), origin, terms, decline, NOW)
    }

    #[test]
    fn a_payment_is_refunded_once() {
        let by = UserId::from_u128(5);
        let refunded = payment(None).refund(by, NOW).unwrap().unwrap();
        assert_eq!(refunded.state, PaymentState::Refunded { by, at: NOW });
        assert_eq!(refunded.version, 2);
        assert_eq!(refunded.refund(by, NOW), Ok(None));
    }

    #[test]
    fn a_declined_payment_is_not_refunded() {
        let declined = payment(Some(Decline::InsufficientFunds));
        assert_eq!(declined.decline(), Some(Decline::InsufficientFunds));
        let refused = declined.refund(UserId::from_u128(5), NOW);
        assert_eq!(refused, Err(PaymentRefusal::Declined));
    }
}
