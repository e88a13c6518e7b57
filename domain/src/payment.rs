//! Payments: money that goes from one account to another, once for each reason to pay.

use crate::event::{Event, Fact};
use crate::named::named;
use crate::order::Purchase;
use crate::{AccountId, Money, OrderId, PaymentId, Refusal, Timestamp, UserId};

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
    /// For people.
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

/// Why a payment is made: for each of these there is one payment at most.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PaymentOrigin {
    Order(OrderId),
    /// Somebody has asked for it, under a key of their own.
    Caller {
        user: UserId,
        key: String,
    },
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentTerms {
    /// `None`: there is no such account.
    pub payer: Option<AccountId>,
    pub payee: Option<AccountId>,
    pub amount: Money,
    pub description: String,
}

/// How a payment stands.
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

/// A payment: made or declined when it is asked for, and that for ever. Only what was made can be refunded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub id: PaymentId,
    pub origin: PaymentOrigin,
    pub terms: PaymentTerms,
    pub state: PaymentState,
    pub processed_at: Timestamp,
    pub version: u64,
}

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

    /// Whether this user has asked for it, under a key of their own.
    #[must_use]
    pub fn was_asked_for_by(&self, caller: UserId) -> bool {
        matches!(self.origin, PaymentOrigin::Caller { user, .. } if user == caller)
    }

    /// Why it was not made, if it was not.
    #[must_use]
    pub const fn decline(&self) -> Option<Decline> {
        match self.state {
            PaymentState::Declined(decline) => Some(decline),
            PaymentState::Authorized | PaymentState::Refunded { .. } => None,
        }
    }

    /// What is told of its outcome, where an order is paid.
    #[must_use]
    pub fn processed(&self, purchase: &Purchase) -> Option<Event> {
        let PaymentOrigin::Order(order) = self.origin else {
            return None;
        };
        Some(Event {
            fact: Fact::PaymentProcessed {
                payment: self.id,
                order,
                purchase: purchase.clone(),
                decline: self.decline(),
            },
            version: self.version,
            at: self.processed_at,
        })
    }

    /// The payment after its money has gone back; `None` where it has before.
    pub fn refund(self, by: UserId, now: Timestamp) -> Result<Option<Self>, Refusal> {
        match self.state {
            PaymentState::Declined(_) => Err(Refusal::PaymentDeclined),
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
    fn what_was_made_is_refunded_once() {
        let by = UserId::from_u128(5);
        let refunded = payment(None).refund(by, NOW).unwrap().unwrap();
        assert_eq!(refunded.state, PaymentState::Refunded { by, at: NOW });
        assert_eq!(refunded.version, 2);
        assert_eq!(refunded.refund(by, NOW), Ok(None));
    }

    #[test]
    fn what_was_declined_stays_so() {
        let declined = payment(Some(Decline::InsufficientFunds));
        assert_eq!(declined.decline(), Some(Decline::InsufficientFunds));
        let refused = declined.refund(UserId::from_u128(5), NOW);
        assert_eq!(refused, Err(Refusal::PaymentDeclined));
    }
}
