//! The status machine against the contract: from every state that a deal can reach, everybody tries everything.
//!
//! What should happen comes from `support/contract.rs`, a transcription of the contract that knows nothing of the
//! domain's own table; what does happen comes from the public moves of [`Offer`].
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod support;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use p2p_domain::listing::Draft;
use p2p_domain::offer::machine::legal;
use p2p_domain::offer::{Act, Actor, NewOffer, State, Terms, Transition, Trigger};
use p2p_domain::offer::{OfferError, OfferRefusal};
use p2p_domain::{
    Asset, ExchangeType, Listing, ListingId, Money, Offer, OfferId, Policy, Price, Status,
    Timestamp, TypedId, UserId,
};
use proptest::prelude::*;

use support::contract::{self, Row, TABLE};
use support::expected::Expected;
use support::{START, Words, a_cent_each, draft, minutes, online, person};

/// Enough for the longest life that visits each status: accept, propose, pay, propose, dispute, dispute, resolve.
const LONGEST: usize = 7;

/// What two people agree on.
#[derive(Debug, Clone)]
struct Agreement {
    direction: ExchangeType,
    amount: Money,
    price: Price,
    payment_window: Duration,
    policy: Policy,
    /// What a split would give to the fiat payer.
    share: Money,
}

impl Agreement {
    fn usual(direction: ExchangeType) -> Self {
        Self {
            direction,
            amount: Money::new(123_457, Asset::Usdt),
            price: a_cent_each(Asset::Usdt),
            payment_window: minutes(45),
            policy: Policy::default(),
            share: Money::new(23_457, Asset::Usdt),
        }
    }

    fn listing(&self) -> Listing {
        let draft = Draft {
            price: self.price,
            payment_window: self.payment_window,
            ..draft(self.direction, self.amount)
        };
        Listing::publish(ListingId::from_u128(1), &online(person(2)), draft, START).unwrap()
    }

    /// The deal before its first step, as the contract would have it.
    fn unborn(&self, listing: &Listing) -> Offer {
        Offer {
            id: OfferId::from_u128(3),
            terms: Terms {
                listing: listing.id,
                customer: person(1),
                exchanger: person(2),
                exchange_type: self.direction,
                amount: self.amount,
                price: self.price,
                fiat: self.price.fiat_for(self.amount).unwrap(),
                fee_basis_points: self.policy.fee_basis_points,
                payment_window: self.payment_window,
                conditions: "by noon".to_owned(),
                created_at: START,
            },
            state: State::Pending { respond_by: START },
            payment_reference: None,
            version: 0,
        }
    }

    fn create(&self) -> Transition {
        let listing = self.listing();
        let opening = NewOffer {
            id: OfferId::from_u128(3),
            customer: person(1),
            amount: self.amount,
            conditions: "by noon".to_owned(),
        };
        let exchanger = online(person(2));
        let moved = Offer::create(opening, &listing, &exchanger, &self.policy, START).unwrap();
        Expected {
            row: contract::row(None, Trigger::Create, Actor::Customer, self.direction).unwrap(),
            before: &self.unborn(&listing),
            step: step(Actor::Customer, START),
            policy: &self.policy,
            share: self.share,
        }
        .must_be(&moved, &format!("{} is created", self.direction));
        moved
    }
}

fn step(actor: Actor, now: Timestamp) -> Act {
    let user: Option<UserId> = match actor {
        Actor::Customer => Some(person(1)),
        Actor::Exchanger => Some(person(2)),
        Actor::Moderator => Some(person(9)),
        Actor::System | Actor::Provider => None,
    };
    Act { actor, user, now }
}

/// Every life that a deal of this agreement can have, and whatever is tried along it.
struct Lives<'a> {
    agreement: &'a Agreement,
    /// The moves made so far, for the message of a failure.
    trail: Vec<(Trigger, Actor)>,
    /// Which moves succeeded somewhere.
    made: BTreeSet<(Option<Status>, Trigger, Actor)>,
    refused: usize,
}

impl fmt::Display for Lives<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.agreement.direction)?;
        let mut moves = self.trail.iter();
        moves.try_for_each(|(trigger, actor)| write!(f, ", {trigger} by {actor}"))
    }
}

impl<'a> Lives<'a> {
    fn all(agreement: &'a Agreement, longest: usize) -> Self {
        let mut lives = Self {
            agreement,
            trail: Vec::new(),
            made: BTreeSet::new(),
            refused: 0,
        };
        lives.go_on(&agreement.create().offer, longest);
        lives
    }

    /// Everybody tries everything, and the deal lives on from each success.
    fn go_on(&mut self, deal: &Offer, longest: usize) {
        let now = START.after(minutes(self.trail.len() as u64 + 1));
        for trigger in Trigger::ALL {
            for actor in Actor::ALL {
                let step = step(*actor, now);
                let Some(outcome) = self.attempt(deal.clone(), *trigger, step) else {
                    continue;
                };
                let direction = self.agreement.direction;
                let row = contract::row(Some(deal.status()), *trigger, *actor, direction);
                self.judge(deal, row, *trigger, step, outcome, longest);
            }
        }
        let outcome = deal.clone().expire(now, &self.agreement.policy);
        let row = contract::timeout(deal.status());
        let trigger = row.map_or(Trigger::ResponseTimeout, |row| row.trigger);
        self.judge(deal, row, trigger, Act::system(now), outcome, longest);
    }

    /// Makes the move; `None` where nobody but the clock could even try.
    fn attempt(
        &self,
        deal: Offer,
        trigger: Trigger,
        step: Act,
    ) -> Option<Result<Transition, OfferError>> {
        let (policy, words) = (&self.agreement.policy, Words::REASON.to_owned());
        Some(match trigger {
            Trigger::Create
            | Trigger::ResponseTimeout
            | Trigger::PaymentTimeout
            | Trigger::ReceiptTimeout => return None,
            Trigger::Accept => deal.accept(step, policy),
            Trigger::Decline => deal.decline(step, policy),
            Trigger::Cancel => deal.cancel(step, words, policy),
            Trigger::ConfirmPayment => {
                deal.confirm_payment(step, Words::REFERENCE.to_owned(), policy)
            }
            Trigger::ConfirmReceipt => deal.confirm_receipt(step, policy),
            Trigger::OpenDispute => deal.dispute(step, words, policy),
            Trigger::ResolveFinished => deal.resolve_finished(step, words, policy),
            Trigger::ResolveCancelled => deal.resolve_cancelled(step, words, policy),
            Trigger::ResolveSplit => deal.resolve_split(step, words, self.agreement.share, policy),
        })
    }

    fn judge(
        &mut self,
        deal: &Offer,
        row: Option<&Row>,
        trigger: Trigger,
        step: Act,
        outcome: Result<Transition, OfferError>,
        longest: usize,
    ) {
        let state = Some(deal.status());
        self.trail.push((trigger, step.actor));
        match (row, outcome) {
            (None, outcome) => {
                let refusal = OfferRefusal::IllegalTransition {
                    state,
                    trigger,
                    actor: step.actor,
                };
                assert_eq!(outcome, Err(refusal.into()), "{self}");
                self.refused += 1;
            }
            (Some(row), Ok(moved)) if row.path.is_empty() && deal.state.cancel_proposed() => {
                let nothing = Transition {
                    offer: deal.clone(),
                    history: Vec::new(),
                    posting: None,
                    listing: None,
                    response: None,
                    events: Vec::new(),
                };
                assert_eq!(moved, nothing, "proposed again: {self}");
            }
            (Some(row), outcome) => {
                assert!(outcome.is_ok(), "refused: {outcome:?}: {self}");
                let moved = outcome.unwrap();
                let expected = Expected {
                    row,
                    before: deal,
                    step,
                    policy: &self.agreement.policy,
                    share: self.agreement.share,
                };
                expected.must_be(&moved, self);
                self.made.insert((state, trigger, step.actor));
                if self.trail.len() <= longest {
                    self.go_on(&moved.offer, longest);
                }
            }
        }
        self.trail.pop();
    }
}

/// Every line of the contract but the first, which `create` judges.
fn every_move(direction: ExchangeType) -> BTreeSet<(Option<Status>, Trigger, Actor)> {
    let lines = TABLE.iter().filter(|row| row.from.is_some());
    lines
        .flat_map(|row| {
            let actors = row.actors(direction).iter();
            actors.map(|actor| (row.from, row.trigger, *actor))
        })
        .collect()
}

#[test]
fn every_life_of_a_deal_goes_as_the_contract_says() {
    for direction in ExchangeType::ALL {
        let agreement = Agreement::usual(direction);
        let lives = Lives::all(&agreement, LONGEST);
        assert_eq!(lives.made, every_move(direction), "{direction}");
        assert!(lives.refused > 10_000, "{direction}: {}", lives.refused);
    }
}

#[test]
fn the_domain_s_table_is_the_contract_s() {
    let states = Status::ALL.iter().copied().map(Some).chain([None]);
    for (state, direction) in states.flat_map(|s| ExchangeType::ALL.map(|d| (s, d))) {
        for (trigger, actor) in Trigger::ALL
            .iter()
            .flat_map(|t| Actor::ALL.iter().map(move |a| (*t, *a)))
        {
            let here = format!("{state:?}, {trigger} by {actor}, {direction}");
            match contract::row(state, trigger, actor, direction) {
                None => assert_eq!(
                    legal(state, trigger, actor, direction),
                    Err(OfferRefusal::IllegalTransition {
                        state,
                        trigger,
                        actor
                    }),
                    "{here}"
                ),
                Some(row) => assert_eq!(
                    legal(state, trigger, actor, direction).map(|rule| rule.to),
                    Ok(row.path),
                    "{here}"
                ),
            }
        }
    }
}

/// Amounts, prices, fees and windows of any size that a deal can have.
fn agreements() -> impl Strategy<Value = Agreement> {
    let direction = prop::sample::select(ExchangeType::ALL.to_vec());
    let amount = prop_oneof![2..100i64, 2..10_000_000_000_000i64];
    let windows = (
        1..1_000u64,
        10..=360u64,
        1..10_000u64,
        0..=Policy::MAX_FEE_BASIS_POINTS,
    );
    (direction, amount, windows).prop_flat_map(|(direction, amount, windows)| {
        // Less than half a cent is no deal; what one minor unit costs makes a cent at `cent`.
        let cent = 100_000_000_000_000 / amount + 1;
        (1..amount, cent..=cent * 1_000).prop_map(move |(share, e8)| Agreement {
            direction,
            amount: Money::new(amount, Asset::Btc),
            price: Price::from_e8(e8, Asset::Usd).unwrap(),
            payment_window: minutes(windows.1),
            policy: Policy {
                response_window: minutes(windows.0),
                receipt_window: minutes(windows.2),
                fee_basis_points: windows.3,
                ..Policy::default()
            },
            share: Money::new(share, Asset::Btc),
        })
    })
}

proptest! {
    /// One long life visits each status; the moves that leave it are tried with every amount.
    #[test]
    fn any_amount_price_fee_and_window_will_do(agreement in agreements()) {
        let lives = Lives::all(&agreement, 3);
        prop_assert_eq!(lives.made, every_move(agreement.direction));
    }

    #[test]
    fn a_split_gives_both_sides_something(
        agreement in agreements(),
        beyond in prop_oneof![Just(0), 1..=i64::MAX],
        elsewhere in any::<bool>(),
    ) {
        let (policy, amount) = (&agreement.policy, agreement.amount.minor());
        let deal = agreement.create().offer;
        let exchanger = step(Actor::Exchanger, START);
        let approved = deal.accept(exchanger, policy).unwrap().offer;
        let dispute = approved.dispute(exchanger, Words::REASON.to_owned(), policy);
        let disputed = dispute.unwrap().offer;
        let shares = if elsewhere {
            [Money::new(1, Asset::Ltc), agreement.price.fiat_for(agreement.amount).unwrap()]
        } else {
            [-beyond, amount.saturating_add(beyond)].map(|minor| Money::new(minor, Asset::Btc))
        };
        for share in shares {
            let moderator = step(Actor::Moderator, START);
            let outcome = disputed.clone().resolve_split(moderator, String::new(), share, policy);
            prop_assert_eq!(outcome, Err(OfferRefusal::SplitOutOfRange { escrow: agreement.amount }.into()));
        }
    }
}
