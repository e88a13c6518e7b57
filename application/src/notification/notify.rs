//! An event is told to those whom it concerns, once however often it is delivered.

use p2p_domain::event::{FactName, Subject};
use p2p_domain::{
    Actor, Asset, DisputeId, Mailbox, Money, NotificationContent, OfferId, Refusal, Timestamp,
    UserId, WithdrawalId,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::incoming::{DecodeError, Envelope, inbox_key, money, parsed, required};
use crate::ports::{InboxKey, Incoming, OfferSummary};

/// The name of the inbox of this consumer.
pub const CONSUMER: &str = "notifications";

/// Tells people of an event.
#[derive(Debug, Clone)]
pub struct Notify {
    key: InboxKey,
    event: FactName,
    offer: Option<OfferId>,
    dispute: Option<DisputeId>,
    exchanger: Option<UserId>,
    withdrawal: Option<WithdrawalRef>,
    /// The actor, where the event names one.
    by: Option<Actor>,
    detail: Option<String>,
    at: Timestamp,
}

/// Of a withdrawal, what is told.
#[derive(Debug, Clone, Copy)]
struct WithdrawalRef {
    id: WithdrawalId,
    user: UserId,
    amount: Money,
}

/// The notified users, with the newest number in their mailbox.
pub type Delivered = Vec<(UserId, u64)>;

/// What of an event's data matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    offer_id: Option<&'a str>,
    dispute_id: Option<&'a str>,
    exchanger_id: Option<&'a str>,
    payment_reference: Option<String>,
    confirmed_by: Option<&'a str>,
    cancelled_by: Option<&'a str>,
    opened_by: Option<&'a str>,
    resolution: Option<String>,
    withdrawal_id: Option<&'a str>,
    user_id: Option<&'a str>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    asset: Option<&'a str>,
    reason: Option<String>,
    timestamp: &'a str,
}

impl Data<'_> {
    fn withdrawal(&self) -> Result<WithdrawalRef, DecodeError> {
        let asset: Asset = required("asset", parsed("asset", self.asset)?)?;
        Ok(WithdrawalRef {
            id: required("withdrawalId", parsed("withdrawalId", self.withdrawal_id)?)?,
            user: required("userId", parsed("userId", self.user_id)?)?,
            amount: money(required("amount", self.amount)?, asset)?,
        })
    }
}

impl TryFrom<&Incoming> for Notify {
    type Error = DecodeError;

    fn try_from(message: &Incoming) -> Result<Self, DecodeError> {
        let Envelope { event, data } = Envelope::<Data<'_>>::read(message)?;
        let by = [data.confirmed_by, data.cancelled_by, data.opened_by];
        let by = parsed::<Actor>("actor", by.into_iter().flatten().next())?;
        let event: FactName = required("event", parsed("event", Some(event))?)?;
        let withdrawal = match event.subject() {
            Subject::Withdrawal => Some(data.withdrawal()?),
            Subject::Deal | Subject::Exchanger | Subject::Order => None,
        };
        let detail = data
            .payment_reference
            .or(data.resolution)
            .or(data.reason)
            .or_else(|| by.map(|actor| actor.name().to_owned()));
        let command = Self {
            key: inbox_key(CONSUMER, message),
            event,
            offer: parsed("offerId", data.offer_id)?,
            dispute: parsed("disputeId", data.dispute_id)?,
            exchanger: parsed("exchangerId", data.exchanger_id)?,
            withdrawal,
            by,
            detail,
            at: required("timestamp", parsed("timestamp", Some(data.timestamp))?)?,
        };
        match event.subject() {
            Subject::Exchanger => {
                required("exchangerId", command.exchanger)?;
            }
            Subject::Deal => {
                required("offerId", command.offer)?;
            }
            Subject::Order | Subject::Withdrawal => {}
        }
        Ok(command)
    }
}

impl Command for Notify {
    type Outcome = Delivered;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.inbox(self.key.clone());
        if let Some(offer) = self.offer {
            reads.sides_to_notify(offer);
        }
        if let Some(user) = self.alone() {
            reads.lock::<Mailbox>(user);
        }
        if self.event.concerns_staff().is_some() {
            reads.staff_to_notify();
        }
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Delivered, Refusal> {
        let head = self
            .offer
            .map(|offer| uow.offer_summary(offer))
            .transpose()?;
        let mut people = match head {
            Some(head) => self.sides(&head),
            None => self.alone().into_iter().collect(),
        };
        if let Some(role) = self.event.concerns_staff() {
            people.extend(uow.staff(role));
        }
        people.sort_unstable();
        people.dedup();
        if uow.is_processed(&self.key) {
            // The first run may have ended before its broadcast.
            let known = people
                .into_iter()
                .map(|user| (user, uow.get_or_new::<Mailbox>(user).last));
            return Ok(known.collect());
        }
        let news = NotificationContent {
            event: self.event,
            offer: self.offer,
            dispute: self.dispute,
            exchanger: match self.offer {
                Some(_) => None,
                None => self.exchanger,
            },
            order: None,
            withdrawal: self.withdrawal.map(|one| one.id),
            amount: head
                .map(|head| head.amount)
                .or(self.withdrawal.map(|one| one.amount)),
            fiat: head.map(|head| head.fiat),
            detail: self.detail.clone(),
            at: self.at,
        };
        let told = people
            .into_iter()
            .map(|user| (user, uow.notify(user, news.clone())));
        let told = told.collect();
        uow.mark_processed(self.key.clone());
        Ok(told)
    }
}

impl Notify {
    /// Whether it concerns users; messages between orders and payments don't.
    #[must_use]
    pub fn concerns_users(&self) -> bool {
        self.event.subject() != Subject::Order
    }

    /// The user whom it concerns if it is about no deal. The requester of a withdrawal needs no notification.
    fn alone(&self) -> Option<UserId> {
        match (self.event, self.offer, self.withdrawal) {
            (FactName::WithdrawalRequested, ..) => None,
            (_, None, Some(withdrawal)) => Some(withdrawal.user),
            (_, None, None) => self.exchanger,
            (_, Some(_), _) => None,
        }
    }

    /// The sides of a deal that it concerns, without its actor.
    fn sides(&self, head: &OfferSummary) -> Vec<UserId> {
        let author = match self.event {
            FactName::ExchangeOfferCreated => Some(Actor::Customer),
            FactName::ExchangeOfferApproved | FactName::ExchangeOfferDeclined => {
                Some(Actor::Exchanger)
            }
            // The deal is finished by it, of which both are told.
            FactName::ReceiptConfirmed => return Vec::new(),
            FactName::PaymentConfirmed
            | FactName::ExchangeOfferCancelled
            | FactName::DisputeOpened => self.by,
            FactName::ExchangeOfferFinished
            | FactName::DisputeResolved
            | FactName::ExchangerFrozen
            | FactName::ExchangerUnfrozen
            | FactName::OrderPaymentRequested
            | FactName::PaymentProcessed
            | FactName::PaymentRefunded
            | FactName::WithdrawalRequested
            | FactName::WithdrawalApproved
            | FactName::WithdrawalRejected => None,
        };
        match author {
            Some(Actor::Customer) => vec![head.exchanger],
            Some(Actor::Exchanger) => vec![head.customer],
            _ => vec![head.customer, head.exchanger],
        }
    }
}
