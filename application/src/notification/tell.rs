//! An event is told to those whom it concerns, once however often it is delivered.

use std::str::FromStr;

use domain::event::FactName;
use domain::{Actor, DisputeId, News, OfferId, Refusal, Timestamp, UserId};
use serde::Deserialize;

use crate::pipeline::{Command, Desk, Needs};
use crate::ports::{InboxKey, Incoming, OfferHead};

/// Under which its messages are taken in.
pub const CONSUMER: &str = "notifications";

/// Tells people of an event.
#[derive(Debug, Clone)]
pub struct TellPeople {
    key: InboxKey,
    event: FactName,
    offer: Option<OfferId>,
    dispute: Option<DisputeId>,
    exchanger: Option<UserId>,
    /// Who brought it about, where the event says so.
    by: Option<Actor>,
    detail: Option<String>,
    at: Timestamp,
}

/// Who was told, and the number of the newest in their mailbox.
pub type Told = Vec<(UserId, u64)>;

/// Why a message is no event of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event: {0}")]
pub struct Unreadable(String);

#[derive(Deserialize)]
struct Envelope<'a> {
    event: &'a str,
    #[serde(borrow)]
    data: Data<'a>,
}

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
    timestamp: &'a str,
}

impl TryFrom<&Incoming> for TellPeople {
    type Error = Unreadable;

    fn try_from(message: &Incoming) -> Result<Self, Unreadable> {
        let envelope: Envelope<'_> =
            serde_json::from_slice(&message.body).map_err(|error| Unreadable(error.to_string()))?;
        let data = envelope.data;
        if message.id.is_empty() {
            return Err(Unreadable("it has no message id".to_owned()));
        }
        let by = [data.confirmed_by, data.cancelled_by, data.opened_by];
        let by = parsed::<Actor>("actor", by.into_iter().flatten().next())?;
        let event: FactName = required("event", parsed("event", Some(envelope.event))?)?;
        let detail = data
            .payment_reference
            .or(data.resolution)
            .or_else(|| by.map(|actor| actor.name().to_owned()));
        let command = Self {
            key: InboxKey {
                consumer: CONSUMER,
                message: message.id.clone(),
            },
            event,
            offer: parsed("offerId", data.offer_id)?,
            dispute: parsed("disputeId", data.dispute_id)?,
            exchanger: parsed("exchangerId", data.exchanger_id)?,
            by,
            detail,
            at: required("timestamp", parsed("timestamp", Some(data.timestamp))?)?,
        };
        if event.is_of_exchanger() {
            required("exchangerId", command.exchanger)?;
        } else {
            required("offerId", command.offer)?;
        }
        Ok(command)
    }
}

fn parsed<T: FromStr>(field: &str, text: Option<&str>) -> Result<Option<T>, Unreadable> {
    let parse = |text: &str| {
        text.parse()
            .map_err(|_| Unreadable(format!("its {field} {text:?} can't be read")))
    };
    text.map(parse).transpose()
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, Unreadable> {
    value.ok_or_else(|| Unreadable(format!("it has no {field}")))
}

impl Command for TellPeople {
    type Outcome = Told;

    fn needs(&self, needs: &mut Needs) {
        needs.inbox(self.key.clone());
        match self.offer {
            Some(offer) => needs.sides_to_tell(offer),
            None => self.exchanger.iter().for_each(|user| needs.mailbox(*user)),
        }
        if self.event.concerns_staff() {
            needs.staff_to_tell();
        }
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Told, Refusal> {
        let head = self.offer.map(|offer| desk.offer_head(offer)).transpose()?;
        let mut people = match head {
            Some(head) => self.sides(&head),
            None => self.exchanger.into_iter().collect(),
        };
        if self.event.concerns_staff() {
            people.extend(desk.staff());
        }
        people.sort_unstable();
        people.dedup();
        if desk.was_taken_in(&self.key) {
            // Whoever did it may have died before it could tell the replicas.
            let known = people
                .into_iter()
                .map(|user| (user, desk.mailbox(user).last));
            return Ok(known.collect());
        }
        let news = News {
            event: self.event,
            offer: self.offer,
            dispute: self.dispute,
            exchanger: match self.offer {
                Some(_) => None,
                None => self.exchanger,
            },
            amount: head.map(|head| head.amount),
            fiat: head.map(|head| head.fiat),
            detail: self.detail.clone(),
            at: self.at,
        };
        let told = people
            .into_iter()
            .map(|user| (user, desk.tell(user, news.clone())));
        let told = told.collect();
        desk.take_in(self.key.clone());
        Ok(told)
    }
}

impl TellPeople {
    /// The sides of a deal that it concerns: whoever did something knows it.
    fn sides(&self, head: &OfferHead) -> Vec<UserId> {
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
            | FactName::ExchangerUnfrozen => None,
        };
        match author {
            Some(Actor::Customer) => vec![head.exchanger],
            Some(Actor::Exchanger) => vec![head.customer],
            _ => vec![head.customer, head.exchanger],
        }
    }
}
