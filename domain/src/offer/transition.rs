//! The moves of a deal. Each looks up its rule and returns everything that follows from it: the new state, the history,
//! the posting, the effects on the listing and the exchanger, and the events.

use super::actor::Actor;
use super::event::{Deal, OfferEvent};
use super::machine::{Escrow, Rule, Timer, legal};
use super::refusal::{OfferError, OfferRefusal};
use super::status::{Status, Trigger};
use super::{HistoryEntry, Offer, State, Terms};
use crate::listing::ListingMove;
use crate::money::AmountRefusal;
use crate::stamped::Stamped;
use crate::{Exchanger, Listing, Money, OfferId, Policy, Posting, Timestamp, UserId};

/// A deal after a move, with everything that must be committed together with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    pub offer: Offer,
    pub history: Vec<HistoryEntry>,
    pub posting: Option<Posting>,
    pub listing: Option<ListingMove>,
    pub response: Option<Response>,
    pub events: Vec<Stamped<OfferEvent>>,
}

/// Whether the exchanger responded to the offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    Given,
    Missing,
}

/// The actor of a move, and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Act {
    pub actor: Actor,
    /// The user behind the actor, if there is one.
    pub user: Option<UserId>,
    pub now: Timestamp,
}

impl Act {
    /// A move by a user.
    #[must_use]
    pub const fn by(actor: Actor, user: UserId, now: Timestamp) -> Self {
        Self {
            actor,
            user: Some(user),
            now,
        }
    }

    /// A move by the payment provider.
    #[must_use]
    pub const fn provider(now: Timestamp) -> Self {
        Self {
            actor: Actor::Provider,
            user: None,
            now,
        }
    }

    /// A move by the clock.
    #[must_use]
    pub const fn system(now: Timestamp) -> Self {
        Self {
            actor: Actor::System,
            user: None,
            now,
        }
    }
}

/// A customer's offer on a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOffer {
    pub id: OfferId,
    pub customer: UserId,
    /// The amount of the listing's crypto asset.
    pub amount: Money,
    /// The customer's own words.
    pub conditions: String,
}

/// The fiat payer's part of a split escrow, before the fee.
type PayerAmount = Money;

impl Offer {
    /// A customer makes an offer on a listing, at the listing's price.
    pub fn create(
        new_offer: NewOffer,
        listing: &Listing,
        exchanger: &Exchanger,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Transition, OfferError> {
        let NewOffer {
            id,
            customer,
            amount,
            conditions,
        } = new_offer;
        let fiat = listing.quote(customer, exchanger, amount)?;
        let rule = legal(
            None,
            Trigger::Create,
            Actor::Customer,
            listing.exchange_type,
        )?;
        let offer = Self {
            id,
            terms: Terms {
                listing: listing.id,
                customer,
                exchanger: listing.exchanger,
                exchange_type: listing.exchange_type,
                amount,
                price: listing.price,
                fiat,
                fee_basis_points: policy.fee_basis_points,
                payment_window: listing.payment_window,
                conditions,
                created_at: now,
            },
            state: State::Pending {
                respond_by: now.after(policy.response_window),
            },
            payment_reference: None,
            version: 0,
        };
        let act = Act::by(Actor::Customer, customer, now);
        let mut transition = offer.apply(rule, act, None, policy, None)?;
        transition.emit(now, |deal| OfferEvent::Created { deal });
        Ok(transition)
    }

    /// The exchanger accepts the offer.
    pub fn accept(self, act: Act, policy: &Policy) -> Result<Transition, OfferError> {
        let mut transition = self.transition(Trigger::Accept, act, None, policy)?;
        transition.response = Some(Response::Given);
        transition.emit(act.now, |deal| OfferEvent::Approved { deal });
        Ok(transition)
    }

    /// The exchanger declines the offer.
    pub fn decline(self, act: Act, policy: &Policy) -> Result<Transition, OfferError> {
        let mut transition = self.transition(Trigger::Decline, act, None, policy)?;
        transition.response = Some(Response::Given);
        transition.emit(act.now, |deal| OfferEvent::Declined { deal });
        Ok(transition)
    }

    /// Cancels the deal, or proposes to if the side can't cancel alone. A repeated proposal changes nothing.
    pub fn cancel(
        self,
        act: Act,
        reason: String,
        policy: &Policy,
    ) -> Result<Transition, OfferError> {
        let (before, already_proposed) = (self.status(), self.state.cancel_proposed());
        let rule = self.rule(Trigger::Cancel, act.actor)?;
        if rule.to.is_empty() && already_proposed {
            return Ok(Transition::unchanged(self));
        }
        let mut transition = self.apply(rule, act, Some(reason), policy, None)?;
        if transition.offer.status() == Status::Cancelled {
            let by = act.actor;
            transition.emit(act.now, |deal| OfferEvent::Cancelled { deal, by });
        }
        if before == Status::Pending && act.actor == Actor::Exchanger {
            transition.response = Some(Response::Given);
        }
        Ok(transition)
    }

    /// The fiat payer or the payment provider confirms that the fiat was sent.
    pub fn confirm_payment(
        mut self,
        act: Act,
        reference: String,
        policy: &Policy,
    ) -> Result<Transition, OfferError> {
        let rule = self.rule(Trigger::ConfirmPayment, act.actor)?;
        self.payment_reference = Some(reference.clone());
        let mut transition = self.apply(rule, act, None, policy, None)?;
        let by = act.actor;
        transition.emit(act.now, |deal| OfferEvent::PaymentConfirmed {
            deal,
            reference,
            by,
        });
        Ok(transition)
    }

    /// The crypto holder confirms the fiat: the escrow is paid out and the deal is finished.
    pub fn confirm_receipt(self, act: Act, policy: &Policy) -> Result<Transition, OfferError> {
        let mut transition = self.transition(Trigger::ConfirmReceipt, act, None, policy)?;
        let deal = transition.offer.deal();
        transition.events.push(Stamped {
            fact: OfferEvent::ReceiptConfirmed { deal },
            version: transition.offer.version - 1,
            at: act.now,
        });
        transition.emit_finished(act.now)?;
        Ok(transition)
    }

    /// The deadline has passed. A missing receipt opens a dispute, which the caller adds.
    pub fn expire(self, now: Timestamp, policy: &Policy) -> Result<Transition, OfferError> {
        let act = Act::system(now);
        let trigger = match self.status() {
            Status::Approved => Trigger::PaymentTimeout,
            Status::PaymentConfirmed => Trigger::ReceiptTimeout,
            _ => Trigger::ResponseTimeout,
        };
        let mut transition =
            self.transition(trigger, act, Some(trigger.name().to_owned()), policy)?;
        if trigger == Trigger::ReceiptTimeout {
            return Ok(transition);
        }
        if trigger == Trigger::ResponseTimeout {
            transition.response = Some(Response::Missing);
        }
        transition.emit(now, |deal| OfferEvent::Cancelled {
            deal,
            by: Actor::System,
        });
        Ok(transition)
    }

    /// A side calls for a moderator. The caller adds the dispute, which checks that each side opens one only.
    pub fn dispute(
        self,
        act: Act,
        reason: String,
        policy: &Policy,
    ) -> Result<Transition, OfferError> {
        self.transition(Trigger::OpenDispute, act, Some(reason), policy)
    }

    /// A moderator finishes the deal: the escrow goes to the fiat payer.
    pub fn resolve_finished(
        self,
        act: Act,
        comment: String,
        policy: &Policy,
    ) -> Result<Transition, OfferError> {
        let mut transition =
            self.transition(Trigger::ResolveFinished, act, Some(comment), policy)?;
        transition.emit_finished(act.now)?;
        Ok(transition)
    }

    /// A moderator cancels the deal: the escrow goes back to its holder.
    pub fn resolve_cancelled(
        self,
        act: Act,
        comment: String,
        policy: &Policy,
    ) -> Result<Transition, OfferError> {
        let mut transition =
            self.transition(Trigger::ResolveCancelled, act, Some(comment), policy)?;
        let by = act.actor;
        transition.emit(act.now, |deal| OfferEvent::Cancelled { deal, by });
        Ok(transition)
    }

    /// A moderator divides the escrow: `payer_amount` goes to the fiat payer, the rest back. Neither part may be zero.
    pub fn resolve_split(
        self,
        act: Act,
        comment: String,
        payer_amount: PayerAmount,
        policy: &Policy,
    ) -> Result<Transition, OfferError> {
        let rule = self.rule(Trigger::ResolveSplit, act.actor)?;
        let escrow = self.terms.amount;
        let in_range = payer_amount.asset() == escrow.asset()
            && payer_amount.minor() > 0
            && payer_amount.minor() < escrow.minor();
        if !in_range {
            return Err(OfferRefusal::SplitOutOfRange { escrow }.into());
        }
        let mut transition = self.apply(rule, act, Some(comment), policy, Some(payer_amount))?;
        transition.emit_finished(act.now)?;
        Ok(transition)
    }

    fn rule(&self, trigger: Trigger, actor: Actor) -> Result<&'static Rule, OfferRefusal> {
        legal(
            Some(self.status()),
            trigger,
            actor,
            self.terms.exchange_type,
        )
    }

    fn transition(
        self,
        trigger: Trigger,
        act: Act,
        comment: Option<String>,
        policy: &Policy,
    ) -> Result<Transition, OfferError> {
        let rule = self.rule(trigger, act.actor)?;
        self.apply(rule, act, comment, policy, None)
    }

    /// Applies a rule.
    fn apply(
        mut self,
        rule: &Rule,
        act: Act,
        comment: Option<String>,
        policy: &Policy,
        payer_amount: Option<PayerAmount>,
    ) -> Result<Transition, OfferError> {
        let (posting, listing) = self.move_escrow(rule.escrow, payer_amount)?;
        self.state = self.next_state(rule, act.now, policy);
        let stays = [self.status()];
        let passed = if rule.to.is_empty() {
            &stays[..]
        } else {
            rule.to
        };
        let mut history = Vec::with_capacity(passed.len());
        for status in passed {
            self.version += 1;
            history.push(HistoryEntry {
                offer: self.id,
                version: self.version,
                status: *status,
                actor: act.actor,
                user: act.user,
                comment: comment.clone(),
                at: act.now,
            });
        }
        Ok(Transition {
            offer: self,
            history,
            posting,
            listing,
            response: None,
            events: Vec::new(),
        })
    }

    fn next_state(&self, rule: &Rule, now: Timestamp, policy: &Policy) -> State {
        let deadline = match rule.timer {
            Timer::Keep | Timer::Stop => self.deadline().unwrap_or(now),
            Timer::Response => now.after(policy.response_window),
            Timer::Payment => now.after(self.terms.payment_window),
            Timer::Receipt => now.after(policy.receipt_window),
        };
        let cancel_proposed = rule.to.is_empty();
        match rule.to.last().copied().unwrap_or(self.status()) {
            Status::Pending => State::Pending {
                respond_by: deadline,
            },
            Status::Approved => State::Approved {
                pay_by: deadline,
                cancel_proposed,
            },
            Status::PaymentConfirmed => State::PaymentConfirmed {
                receipt_by: deadline,
                cancel_proposed,
            },
            Status::DisputeOpen => match self.state {
                State::DisputeOpen { since } => State::DisputeOpen { since },
                _ => State::DisputeOpen { since: now },
            },
            Status::ReceiptConfirmed | Status::Finished => State::Finished { at: now },
            Status::Declined => State::Declined { at: now },
            Status::Cancelled => State::Cancelled { at: now },
        }
    }

    /// The posting and the listing's move for what happens to the escrow.
    fn move_escrow(
        &self,
        escrow: Escrow,
        payer_amount: Option<PayerAmount>,
    ) -> Result<(Option<Posting>, Option<ListingMove>), OfferError> {
        let amount = self.terms.amount;
        let (id, holder, payer) = (self.id, self.crypto_holder(), self.fiat_payer());
        let paid = payer_amount.unwrap_or(amount);
        let execute = ListingMove::Execute {
            frozen: amount,
            executed: paid,
        };
        let (posting, listing) = match escrow {
            Escrow::Untouched => return Ok((None, None)),
            Escrow::Hold => (
                Posting::hold(id, holder, amount),
                ListingMove::Reserve(amount),
            ),
            Escrow::Release => (
                Posting::release(id, holder, amount),
                ListingMove::Return(amount),
            ),
            Escrow::Capture => (
                Posting::capture(id, holder, payer, amount, self.fee_on(paid)?),
                execute,
            ),
            Escrow::Split => (
                Posting::split(id, holder, payer, amount, paid, self.fee_on(paid)?),
                execute,
            ),
        };
        Ok((Some(posting.map_err(AmountRefusal::from)?), Some(listing)))
    }

    fn fee_on(&self, paid: Money) -> Result<Money, OfferError> {
        paid.basis_points(self.terms.fee_basis_points)
            .map_err(|error| AmountRefusal::from(error).into())
    }
}

impl Transition {
    /// A move that changes nothing.
    fn unchanged(offer: Offer) -> Self {
        Self {
            offer,
            history: Vec::new(),
            posting: None,
            listing: None,
            response: None,
            events: Vec::new(),
        }
    }

    fn emit(&mut self, at: Timestamp, fact: impl FnOnce(Deal) -> OfferEvent) {
        let fact = fact(self.offer.deal());
        self.events.push(Stamped {
            fact,
            version: self.offer.version,
            at,
        });
    }

    fn emit_finished(&mut self, at: Timestamp) -> Result<(), OfferError> {
        let paid = match self.listing {
            Some(ListingMove::Execute { executed, .. }) => executed,
            _ => self.offer.terms.amount,
        };
        let fee = self.offer.fee_on(paid)?;
        let paid_out = paid.checked_sub(fee).map_err(AmountRefusal::from)?;
        self.emit(at, |deal| OfferEvent::Finished {
            deal,
            paid_out,
            fee,
        });
        Ok(())
    }
}
