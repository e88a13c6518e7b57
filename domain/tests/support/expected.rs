//! All that a move must bring with it, worked out from the contract's row and the deal before.

use p2p_domain::dispute::DisputeEvent;
use p2p_domain::event::{Event, Fact};
use p2p_domain::ledger::{Bucket, Leg, PostingKind, Reference};
use p2p_domain::listing::ListingMove;
use p2p_domain::offer::{Act, Deal, HistoryEntry, OfferEvent, State, Transition};
use p2p_domain::{
    AccountKey, Dispute, ExchangeType, Money, Offer, Policy, Status, Timestamp, UserId,
};

use super::contract::{Row, Until};
use super::{Words, dispute_id};

/// A move as it should turn out.
pub(crate) struct Expected<'a> {
    pub(crate) row: &'a Row,
    /// The deal before the move; for its creation, the deal that never was, at version 0.
    pub(crate) before: &'a Offer,
    pub(crate) step: Act,
    pub(crate) policy: &'a Policy,
    /// What a split gives to the fiat payer.
    pub(crate) share: Money,
}

impl Expected<'_> {
    /// Compares every part of what came of it.
    pub(crate) fn must_be(&self, moved: &Transition, here: &impl std::fmt::Display) {
        assert_eq!(moved.offer, self.offer(), "the deal: {here}");
        assert_eq!(moved.history, self.history(), "the history: {here}");
        assert_eq!(moved.listing, self.listing(), "the listing: {here}");
        assert_eq!(moved.response, self.row.response, "the response: {here}");
        let events = self.emitted(moved);
        assert_eq!(events, self.events(), "the events: {here}");
        let names: Vec<_> = events.iter().map(|e| e.fact.name().name()).collect();
        assert_eq!(names, self.row.events, "the events' names: {here}");

        let posted = moved.posting.as_ref();
        assert_eq!(posted.map(|p| p.kind()), self.row.money, "money: {here}");
        let Some(posting) = posted else { return };
        assert_eq!(posting.reference(), Reference::Offer(self.before.id));
        assert_eq!(sorted(posting.legs()), sorted(&self.legs()), "legs: {here}");
    }

    /// The events of the deal, and of the dispute that the move opens.
    fn emitted(&self, moved: &Transition) -> Vec<Event> {
        let mut events: Vec<Event> = moved.events.iter().cloned().map(Event::from).collect();
        if self.row.events.contains(&"DisputeOpened") {
            let reason = Words::REASON.to_owned();
            let opened = Dispute::open(dispute_id(), moved.offer.deal(), self.step, reason, &[]);
            events.push(opened.unwrap().1.into());
        }
        events
    }

    fn offer(&self) -> Offer {
        let paid = self.row.events.contains(&"PaymentConfirmed");
        Offer {
            state: self.state(),
            payment_reference: if paid {
                Some(Words::REFERENCE.to_owned())
            } else {
                self.before.payment_reference.clone()
            },
            version: self.before.version + self.passed().len() as u64,
            ..self.before.clone()
        }
    }

    /// The statuses of the new history entries: a proposal repeats the present one.
    fn passed(&self) -> Vec<Status> {
        if self.row.path.is_empty() {
            vec![self.before.status()]
        } else {
            self.row.path.to_vec()
        }
    }

    fn state(&self) -> State {
        let at = self.step.now;
        let by = self.deadline().unwrap_or(at);
        let cancel_proposed = self.row.path.is_empty();
        match self.passed()[self.passed().len() - 1] {
            Status::Pending => State::Pending { respond_by: by },
            Status::Approved => State::Approved {
                pay_by: by,
                cancel_proposed,
            },
            Status::PaymentConfirmed => State::PaymentConfirmed {
                receipt_by: by,
                cancel_proposed,
            },
            Status::DisputeOpen => match self.before.state {
                State::DisputeOpen { since } => State::DisputeOpen { since },
                _ => State::DisputeOpen { since: at },
            },
            Status::ReceiptConfirmed | Status::Finished => State::Finished { at },
            Status::Declined => State::Declined { at },
            Status::Cancelled => State::Cancelled { at },
        }
    }

    fn deadline(&self) -> Option<Timestamp> {
        let window = match self.row.until {
            Until::Never => return None,
            Until::Unchanged => return self.before.deadline(),
            Until::Response => self.policy.response_window,
            Until::Payment => self.before.terms.payment_window,
            Until::Receipt => self.policy.receipt_window,
        };
        Some(self.step.now.after(window))
    }

    fn history(&self) -> Vec<HistoryEntry> {
        let comment = Words::comment(self.row.trigger).map(str::to_owned);
        self.passed()
            .into_iter()
            .zip(self.before.version + 1..)
            .map(|(status, version)| HistoryEntry {
                offer: self.before.id,
                version,
                status,
                actor: self.step.actor,
                user: self.step.user,
                comment: comment.clone(),
                at: self.step.now,
            })
            .collect()
    }

    /// The crypto holder, then the fiat payer.
    fn parties(&self) -> (UserId, UserId) {
        let terms = &self.before.terms;
        match terms.exchange_type {
            ExchangeType::CryptoToFiat => (terms.customer, terms.exchanger),
            ExchangeType::FiatToCrypto => (terms.exchanger, terms.customer),
        }
    }

    /// What leaves escrow for the fiat payer and the market.
    fn paid(&self) -> Money {
        match self.row.money {
            Some(PostingKind::Split) => self.share,
            _ => self.before.terms.amount,
        }
    }

    fn fee(&self) -> Money {
        let rate = i128::from(self.before.terms.fee_basis_points);
        let fee = i128::from(self.paid().minor()) * rate / 10_000;
        Money::new(i64::try_from(fee).unwrap(), self.paid().asset())
    }

    fn legs(&self) -> Vec<Leg> {
        let (holder, payer) = self.parties();
        let amount = self.before.terms.amount;
        let asset = amount.asset();
        let (all, paid, fee) = (amount.minor(), self.paid().minor(), self.fee().minor());
        let leg = |account, bucket, amount| Leg {
            account,
            bucket,
            amount,
        };
        let holder = AccountKey::user(holder, asset);
        let in_hand = |amount| leg(holder, Bucket::Available, amount);
        let in_escrow = |amount| leg(holder, Bucket::Held, amount);
        let mut legs = match self.row.money {
            Some(PostingKind::Hold) => vec![in_hand(-all), in_escrow(all)],
            Some(PostingKind::Release) => vec![in_escrow(-all), in_hand(all)],
            Some(PostingKind::Capture | PostingKind::Split) => vec![
                in_escrow(-all),
                leg(
                    AccountKey::user(payer, asset),
                    Bucket::Available,
                    paid - fee,
                ),
                leg(AccountKey::fees(asset), Bucket::Available, fee),
                in_hand(all - paid),
            ],
            // No move of a deal causes these.
            Some(
                PostingKind::Deposit
                | PostingKind::Payment
                | PostingKind::Refund
                | PostingKind::WithdrawalHold
                | PostingKind::WithdrawalRelease
                | PostingKind::Withdrawal,
            )
            | None => Vec::new(),
        };
        legs.retain(|leg| leg.amount != 0);
        legs
    }

    fn listing(&self) -> Option<ListingMove> {
        let amount = self.before.terms.amount;
        match self.row.money? {
            PostingKind::Hold => Some(ListingMove::Reserve(amount)),
            PostingKind::Release => Some(ListingMove::Return(amount)),
            PostingKind::Capture | PostingKind::Split => Some(ListingMove::Execute {
                frozen: amount,
                executed: self.paid(),
            }),
            PostingKind::Deposit
            | PostingKind::Payment
            | PostingKind::Refund
            | PostingKind::WithdrawalHold
            | PostingKind::WithdrawalRelease
            | PostingKind::Withdrawal => None,
        }
    }

    fn events(&self) -> Vec<Event> {
        self.row
            .events
            .iter()
            .zip(self.before.version + 1..)
            .map(|(name, version)| Event {
                fact: self.fact(name),
                version: if *name == "DisputeOpened" { 1 } else { version },
                at: self.step.now,
            })
            .collect()
    }

    fn fact(&self, name: &str) -> Fact {
        let (offer, by) = (self.before, self.step.actor);
        let deal = Deal {
            offer: offer.id,
            listing: offer.terms.listing,
            customer: offer.terms.customer,
            exchanger: offer.terms.exchanger,
            amount: offer.terms.amount,
        };
        let event = match name {
            "ExchangeOfferCreated" => OfferEvent::Created { deal },
            "ExchangeOfferApproved" => OfferEvent::Approved { deal },
            "ExchangeOfferDeclined" => OfferEvent::Declined { deal },
            "ExchangeOfferCancelled" => OfferEvent::Cancelled { deal, by },
            "ReceiptConfirmed" => OfferEvent::ReceiptConfirmed { deal },
            "PaymentConfirmed" => OfferEvent::PaymentConfirmed {
                deal,
                reference: Words::REFERENCE.to_owned(),
                by,
            },
            "DisputeOpened" => {
                let dispute = dispute_id();
                return DisputeEvent::Opened { deal, dispute, by }.into();
            }
            _ => OfferEvent::Finished {
                deal,
                paid_out: self.paid().checked_sub(self.fee()).unwrap(),
                fee: self.fee(),
            },
        };
        event.into()
    }
}

fn sorted(legs: &[Leg]) -> Vec<(AccountKey, bool, i64)> {
    let mut legs: Vec<_> = legs
        .iter()
        .map(|leg| (leg.account, leg.bucket == Bucket::Held, leg.amount))
        .collect();
    legs.sort_unstable();
    legs
}
