//! The moves of a deal. Each asks the table, then says all that follows: the new state, the history, the posting, what
//! it means for the listing and the exchanger, and the events.

use super::machine::{Actor, Escrow, Rule, Status, Timer, Trigger, legal};
use super::{HistoryEntry, Offer, State, Terms};
use crate::event::{Event, Fact};
use crate::{
    DisputeId, Exchanger, Listing, Money, OfferId, Policy, Posting, Refusal, Timestamp, UserId,
};

/// A deal after a move, with everything that must be committed together with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    pub offer: Offer,
    pub history: Vec<HistoryEntry>,
    pub posting: Option<Posting>,
    pub listing: Option<ListingMove>,
    pub answer: Option<Answer>,
    pub events: Vec<Event>,
}

/// What a deal's move means for the listing's amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingMove {
    /// From remaining to frozen.
    Reserve(Money),
    /// From frozen back to remaining.
    Return(Money),
    /// `executed` of the frozen amount is done, the rest goes back to remaining.
    Execute { frozen: Money, executed: Money },
}

/// What a deal's move says of the exchanger's attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Given,
    Missing,
}

/// Who moves a deal, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Act {
    pub actor: Actor,
    /// The person behind the actor, where there is one.
    pub user: Option<UserId>,
    pub now: Timestamp,
}

impl Act {
    /// A move by a person.
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

/// What a customer says when answering a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOffer {
    pub id: OfferId,
    pub customer: UserId,
    /// Crypto of the listing's asset.
    pub amount: Money,
    /// The customer's own words.
    pub conditions: String,
}

/// How a moderator divides a split escrow: what the fiat payer gets, before the fee.
type PayerAmount = Money;

impl Offer {
    /// A customer answers a listing, at the listing's price.
    pub fn create(
        new_offer: NewOffer,
        listing: &Listing,
        exchanger: &Exchanger,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Transition, Refusal> {
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
        let step = Act::by(Actor::Customer, customer, now);
        let mut moved = offer.follow(rule, step, None, policy, None)?;
        moved.tell(now, |deal| Fact::ExchangeOfferCreated { deal });
        Ok(moved)
    }

    /// The exchanger takes the offer.
    pub fn accept(self, step: Act, policy: &Policy) -> Result<Transition, Refusal> {
        let mut moved = self.step(Trigger::Accept, step, None, policy)?;
        moved.answer = Some(Answer::Given);
        moved.tell(step.now, |deal| Fact::ExchangeOfferApproved { deal });
        Ok(moved)
    }

    /// The exchanger turns the offer down.
    pub fn decline(self, step: Act, policy: &Policy) -> Result<Transition, Refusal> {
        let mut moved = self.step(Trigger::Decline, step, None, policy)?;
        moved.answer = Some(Answer::Given);
        moved.tell(step.now, |deal| Fact::ExchangeOfferDeclined { deal });
        Ok(moved)
    }

    /// Calls the deal off, or proposes to, where the side may not do so alone. A proposal made twice is made once.
    pub fn cancel(self, step: Act, reason: String, policy: &Policy) -> Result<Transition, Refusal> {
        let (before, already_proposed) = (self.status(), self.state.cancel_proposed());
        let rule = self.rule(Trigger::Cancel, step.actor)?;
        if rule.to.is_empty() && already_proposed {
            return Ok(Transition::nothing(self));
        }
        let mut moved = self.follow(rule, step, Some(reason), policy, None)?;
        if moved.offer.status() == Status::Cancelled {
            let by = step.actor;
            moved.tell(step.now, |deal| Fact::ExchangeOfferCancelled { deal, by });
        }
        if before == Status::Pending && step.actor == Actor::Exchanger {
            moved.answer = Some(Answer::Given);
        }
        Ok(moved)
    }

    /// The fiat payer, or the payment provider, says that fiat was sent.
    pub fn confirm_payment(
        mut self,
        step: Act,
        reference: String,
        policy: &Policy,
    ) -> Result<Transition, Refusal> {
        let rule = self.rule(Trigger::ConfirmPayment, step.actor)?;
        self.payment_reference = Some(reference.clone());
        let mut moved = self.follow(rule, step, None, policy, None)?;
        let by = step.actor;
        moved.tell(step.now, |deal| Fact::PaymentConfirmed {
            deal,
            reference,
            by,
        });
        Ok(moved)
    }

    /// The crypto holder has the fiat: escrow is paid out and the deal is finished.
    pub fn confirm_receipt(self, step: Act, policy: &Policy) -> Result<Transition, Refusal> {
        let mut moved = self.step(Trigger::ConfirmReceipt, step, None, policy)?;
        let deal = moved.offer.deal();
        moved.events.push(Event {
            fact: Fact::ReceiptConfirmed { deal },
            version: moved.offer.version - 1,
            at: step.now,
        });
        moved.tell_finished(step.now)?;
        Ok(moved)
    }

    /// The deadline has passed. `dispute` is the id for the dispute that a missing receipt opens.
    pub fn expire(
        self,
        now: Timestamp,
        dispute: DisputeId,
        policy: &Policy,
    ) -> Result<Transition, Refusal> {
        let step = Act::system(now);
        let trigger = match self.status() {
            Status::Approved => Trigger::PaymentTimeout,
            Status::PaymentConfirmed => {
                return self.open_dispute(Trigger::ReceiptTimeout, step, dispute, None, policy);
            }
            _ => Trigger::ResponseTimeout,
        };
        let mut moved = self.step(trigger, step, Some(trigger.name().to_owned()), policy)?;
        if trigger == Trigger::ResponseTimeout {
            moved.answer = Some(Answer::Missing);
        }
        moved.tell(now, |deal| Fact::ExchangeOfferCancelled {
            deal,
            by: Actor::System,
        });
        Ok(moved)
    }

    /// A side calls for a moderator. That each side does so once is the caller's to check: the disputes are its.
    pub fn dispute(
        self,
        step: Act,
        dispute: DisputeId,
        reason: String,
        policy: &Policy,
    ) -> Result<Transition, Refusal> {
        self.open_dispute(Trigger::OpenDispute, step, dispute, Some(reason), policy)
    }

    /// A moderator finishes the deal: escrow goes to the fiat payer.
    pub fn resolve_finished(
        self,
        step: Act,
        comment: String,
        policy: &Policy,
    ) -> Result<Transition, Refusal> {
        let mut moved = self.step(Trigger::ResolveFinished, step, Some(comment), policy)?;
        moved.tell_finished(step.now)?;
        Ok(moved)
    }

    /// A moderator calls the deal off: escrow goes back to its holder.
    pub fn resolve_cancelled(
        self,
        step: Act,
        comment: String,
        policy: &Policy,
    ) -> Result<Transition, Refusal> {
        let mut moved = self.step(Trigger::ResolveCancelled, step, Some(comment), policy)?;
        let by = step.actor;
        moved.tell(step.now, |deal| Fact::ExchangeOfferCancelled { deal, by });
        Ok(moved)
    }

    /// A moderator divides the escrow: `payer_amount` to the fiat payer, the rest back. Both get something.
    pub fn resolve_split(
        self,
        step: Act,
        comment: String,
        payer_amount: PayerAmount,
        policy: &Policy,
    ) -> Result<Transition, Refusal> {
        let rule = self.rule(Trigger::ResolveSplit, step.actor)?;
        let whole = self.terms.amount;
        let divides = payer_amount.asset() == whole.asset()
            && payer_amount.minor() > 0
            && payer_amount.minor() < whole.minor();
        if !divides {
            return Err(Refusal::SplitOutOfRange { escrow: whole });
        }
        let mut moved = self.follow(rule, step, Some(comment), policy, Some(payer_amount))?;
        moved.tell_finished(step.now)?;
        Ok(moved)
    }

    fn open_dispute(
        self,
        trigger: Trigger,
        step: Act,
        dispute: DisputeId,
        reason: Option<String>,
        policy: &Policy,
    ) -> Result<Transition, Refusal> {
        let comment = reason.unwrap_or_else(|| trigger.name().to_owned());
        let by = step.actor;
        let mut moved = self.step(trigger, step, Some(comment), policy)?;
        let deal = moved.offer.deal();
        moved.events.push(Event {
            fact: Fact::DisputeOpened { deal, dispute, by },
            version: 1,
            at: step.now,
        });
        Ok(moved)
    }

    fn rule(&self, trigger: Trigger, actor: Actor) -> Result<&'static Rule, Refusal> {
        legal(
            Some(self.status()),
            trigger,
            actor,
            self.terms.exchange_type,
        )
    }

    fn step(
        self,
        trigger: Trigger,
        step: Act,
        comment: Option<String>,
        policy: &Policy,
    ) -> Result<Transition, Refusal> {
        let rule = self.rule(trigger, step.actor)?;
        self.follow(rule, step, comment, policy, None)
    }

    /// Does what the rule says, whatever the rule.
    fn follow(
        mut self,
        rule: &Rule,
        step: Act,
        comment: Option<String>,
        policy: &Policy,
        payer_amount: Option<PayerAmount>,
    ) -> Result<Transition, Refusal> {
        let (posting, listing) = self.settle(rule.escrow, payer_amount)?;
        self.state = self.next_state(rule, step.now, policy);
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
                actor: step.actor,
                user: step.user,
                comment: comment.clone(),
                at: step.now,
            });
        }
        Ok(Transition {
            offer: self,
            history,
            posting,
            listing,
            answer: None,
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

    /// The posting and the listing's share of what happens to the escrow.
    fn settle(
        &self,
        escrow: Escrow,
        payer_amount: Option<PayerAmount>,
    ) -> Result<(Option<Posting>, Option<ListingMove>), Refusal> {
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
        Ok((Some(posting.map_err(Refusal::amount)?), Some(listing)))
    }

    fn fee_on(&self, paid: Money) -> Result<Money, Refusal> {
        paid.basis_points(self.terms.fee_basis_points)
            .map_err(Refusal::amount)
    }
}

impl Transition {
    /// It is already so.
    fn nothing(offer: Offer) -> Self {
        Self {
            offer,
            history: Vec::new(),
            posting: None,
            listing: None,
            answer: None,
            events: Vec::new(),
        }
    }

    fn tell(&mut self, at: Timestamp, fact: impl FnOnce(crate::event::Deal) -> Fact) {
        let fact = fact(self.offer.deal());
        self.events.push(Event {
            fact,
            version: self.offer.version,
            at,
        });
    }

    fn tell_finished(&mut self, at: Timestamp) -> Result<(), Refusal> {
        let paid = match self.listing {
            Some(ListingMove::Execute { executed, .. }) => executed,
            _ => self.offer.terms.amount,
        };
        let fee = self.offer.fee_on(paid)?;
        let paid_out = paid.checked_sub(fee).map_err(Refusal::amount)?;
        self.tell(at, |deal| Fact::ExchangeOfferFinished {
            deal,
            paid_out,
            fee,
        });
        Ok(())
    }
}
