//! The status machine: one table of every legal move. Refusals, tests and the documentation's table come from it.

use super::actor::Actor;
use super::refusal::OfferRefusal;
use super::status::{Status, Trigger};
use crate::ExchangeType;

/// The actors of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Customer,
    Exchanger,
    EitherSide,
    FiatPayer,
    FiatPayerOrProvider,
    CryptoHolder,
    Moderator,
    System,
}

impl By {
    /// Whether the actor is meant, in a deal of this direction.
    #[must_use]
    pub fn admits(self, actor: Actor, direction: ExchangeType) -> bool {
        match self {
            Self::Customer => actor == Actor::Customer,
            Self::Exchanger => actor == Actor::Exchanger,
            Self::EitherSide => matches!(actor, Actor::Customer | Actor::Exchanger),
            Self::FiatPayer => actor == direction.fiat_payer(),
            Self::FiatPayerOrProvider => {
                actor == direction.fiat_payer() || actor == Actor::Provider
            }
            Self::CryptoHolder => actor == direction.crypto_holder(),
            Self::Moderator => actor == Actor::Moderator,
            Self::System => actor == Actor::System,
        }
    }
}

/// What a move does to the crypto.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escrow {
    Untouched,
    Hold,
    Release,
    Capture,
    Split,
}

/// What a move does to the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// The running one goes on.
    Keep,
    /// No deadline from here.
    Stop,
    Response,
    Payment,
    Receipt,
}

/// One legal move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// `None`: there is no deal yet.
    pub from: Option<Status>,
    pub trigger: Trigger,
    pub by: By,
    /// The statuses passed through, in one commit; the last one stays. Empty: a proposal, the status stays.
    pub to: &'static [Status],
    pub escrow: Escrow,
    pub timer: Timer,
}

const fn rule(
    from: Status,
    trigger: Trigger,
    by: By,
    to: &'static [Status],
    escrow: Escrow,
    timer: Timer,
) -> Rule {
    Rule {
        from: Some(from),
        trigger,
        by,
        to,
        escrow,
        timer,
    }
}

/// The only legal moves. For one status, trigger, actor and direction at most one row holds.
#[rustfmt::skip]
pub const RULES: &[Rule] = &{
    use Status::{Approved, Cancelled, Declined, DisputeOpen, Finished, PaymentConfirmed, Pending, ReceiptConfirmed};
    use Trigger as T;
    [
        Rule { from: None, trigger: T::Create, by: By::Customer, to: &[Pending], escrow: Escrow::Hold, timer: Timer::Response },

        rule(Pending,          T::Accept,           By::Exchanger,           &[Approved],                   Escrow::Untouched, Timer::Payment),
        rule(Pending,          T::Decline,          By::Exchanger,           &[Declined],                   Escrow::Release,   Timer::Stop),
        rule(Pending,          T::Cancel,           By::EitherSide,          &[Cancelled],                  Escrow::Release,   Timer::Stop),
        rule(Pending,          T::ResponseTimeout,  By::System,              &[Cancelled],                  Escrow::Release,   Timer::Stop),

        rule(Approved,         T::ConfirmPayment,   By::FiatPayerOrProvider, &[PaymentConfirmed],           Escrow::Untouched, Timer::Receipt),
        rule(Approved,         T::Cancel,           By::FiatPayer,           &[Cancelled],                  Escrow::Release,   Timer::Stop),
        rule(Approved,         T::Cancel,           By::CryptoHolder,        &[],                           Escrow::Untouched, Timer::Keep),
        rule(Approved,         T::PaymentTimeout,   By::System,              &[Cancelled],                  Escrow::Release,   Timer::Stop),
        rule(Approved,         T::OpenDispute,      By::EitherSide,          &[DisputeOpen],                Escrow::Untouched, Timer::Stop),

        rule(PaymentConfirmed, T::ConfirmReceipt,   By::CryptoHolder,        &[ReceiptConfirmed, Finished], Escrow::Capture,   Timer::Stop),
        rule(PaymentConfirmed, T::Cancel,           By::FiatPayer,           &[Cancelled],                  Escrow::Release,   Timer::Stop),
        rule(PaymentConfirmed, T::Cancel,           By::CryptoHolder,        &[],                           Escrow::Untouched, Timer::Keep),
        rule(PaymentConfirmed, T::ReceiptTimeout,   By::System,              &[DisputeOpen],                Escrow::Untouched, Timer::Stop),
        rule(PaymentConfirmed, T::OpenDispute,      By::EitherSide,          &[DisputeOpen],                Escrow::Untouched, Timer::Stop),

        rule(DisputeOpen,      T::OpenDispute,      By::EitherSide,          &[DisputeOpen],                Escrow::Untouched, Timer::Stop),
        rule(DisputeOpen,      T::ResolveFinished,  By::Moderator,           &[Finished],                   Escrow::Capture,   Timer::Stop),
        rule(DisputeOpen,      T::ResolveCancelled, By::Moderator,           &[Cancelled],                  Escrow::Release,   Timer::Stop),
        rule(DisputeOpen,      T::ResolveSplit,     By::Moderator,           &[Finished],                   Escrow::Split,     Timer::Stop),
    ]
};

/// The rule for this move, or the refusal that names the state and the event.
pub fn legal(
    from: Option<Status>,
    trigger: Trigger,
    actor: Actor,
    direction: ExchangeType,
) -> Result<&'static Rule, OfferRefusal> {
    RULES
        .iter()
        .find(|rule| {
            rule.from == from && rule.trigger == trigger && rule.by.admits(actor, direction)
        })
        .ok_or(OfferRefusal::IllegalTransition {
            state: from,
            trigger,
            actor,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each_move(mut check: impl FnMut(Option<Status>, Trigger, Actor, ExchangeType)) {
        let states = Status::ALL.iter().copied().map(Some).chain([None]);
        for state in states {
            for trigger in Trigger::ALL {
                for actor in Actor::ALL {
                    for direction in ExchangeType::ALL {
                        check(state, *trigger, *actor, direction);
                    }
                }
            }
        }
    }

    #[test]
    fn a_move_is_ruled_at_most_once() {
        each_move(|state, trigger, actor, direction| {
            let rows = RULES
                .iter()
                .filter(|rule| {
                    rule.from == state
                        && rule.trigger == trigger
                        && rule.by.admits(actor, direction)
                })
                .count();
            assert!(
                rows <= 1,
                "{state:?} {trigger} {actor} {direction}: {rows} rules"
            );
        });
    }

    #[test]
    fn nothing_leaves_a_final_status_and_every_other_is_left() {
        for status in Status::ALL {
            let left = RULES.iter().any(|rule| rule.from == Some(*status));
            let passing = *status == Status::ReceiptConfirmed;
            assert_eq!(left, !status.is_final() && !passing, "{status}");
        }
    }

    #[test]
    fn escrow_ends_exactly_where_the_deal_ends() {
        for rule in RULES {
            let ends = rule.to.last().is_some_and(|status| status.is_final());
            let pays = matches!(
                rule.escrow,
                Escrow::Release | Escrow::Capture | Escrow::Split
            );
            assert_eq!(ends, pays, "{rule:?}");
            assert_eq!(rule.escrow == Escrow::Hold, rule.from.is_none(), "{rule:?}");
        }
    }

    #[test]
    fn every_waiting_status_but_a_dispute_has_a_timeout() {
        for status in Status::ALL {
            let timed = RULES
                .iter()
                .any(|rule| rule.from == Some(*status) && rule.by == By::System);
            let waits = matches!(
                status,
                Status::Pending | Status::Approved | Status::PaymentConfirmed
            );
            assert_eq!(timed, waits, "{status}");
        }
    }

    #[test]
    fn what_is_not_ruled_is_refused_by_name() {
        assert_eq!(
            legal(
                Some(Status::Finished),
                Trigger::Cancel,
                Actor::Customer,
                ExchangeType::CryptoToFiat
            ),
            Err(OfferRefusal::IllegalTransition {
                state: Some(Status::Finished),
                trigger: Trigger::Cancel,
                actor: Actor::Customer
            })
        );
    }
}
