//! The fixture of the property: the same people, listings and deals in every run, and what they can do.

use std::collections::BTreeMap;
use std::fmt::Write;

use p2p_application::CommandError;
use p2p_application::dispute::{Decision, ResolveDispute};
use p2p_application::exchanger::{SwitchOnline, UnfreezeExchanger};
use p2p_application::listing::{CloseListing, ListingChange, UpdateListing};
use p2p_application::offer::{
    AcceptOffer, CancelOffer, ConfirmPayment, ConfirmReceipt, DeclineOffer, ExpireOffer,
    OpenDispute,
};
use p2p_application::wallet::Deposit;
use p2p_domain::listing::Switch;
use p2p_domain::user::Caller;
use p2p_domain::{Asset, DisputeId, ExchangeType, Listing, OfferId, Policy, TypedId};
use p2p_memory::Memory;
use p2p_tests::harness::{Harness, Offering, Setup, decimal, hours, party, unlimited};
use proptest::prelude::*;

/// Deals that every run begins with.
const DEALS: usize = 8;

/// What somebody does; numbers pick among the people, listings and deals of the fixture.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    Deposit {
        to: usize,
        minor: i64,
    },
    Offer {
        by: usize,
        listing: usize,
        tenths: u32,
    },
    Accept(usize),
    Decline(usize),
    Pay(usize),
    Receive(usize),
    Cancel {
        deal: usize,
        by_payer: bool,
    },
    Dispute {
        deal: usize,
        by_customer: bool,
    },
    Resolve {
        dispute: usize,
        decision: u8,
    },
    Expire(usize),
    Switch {
        who: usize,
        online: bool,
    },
    Unfreeze(usize),
    Turn {
        listing: usize,
        pause: bool,
    },
    Close(usize),
}

pub(crate) fn ops() -> impl Strategy<Value = Op> {
    let deal = 0..DEALS;
    prop_oneof![
        (0usize..3, -1i64..5_000_000).prop_map(|(to, minor)| Op::Deposit { to, minor }),
        (0usize..3, 0usize..2, 50u32..6_000).prop_map(|(by, listing, tenths)| Op::Offer {
            by,
            listing,
            tenths
        }),
        deal.clone().prop_map(Op::Accept),
        deal.clone().prop_map(Op::Accept),
        deal.clone().prop_map(Op::Decline),
        deal.clone().prop_map(Op::Pay),
        deal.clone().prop_map(Op::Pay),
        deal.clone().prop_map(Op::Receive),
        (deal.clone(), any::<bool>()).prop_map(|(deal, by_payer)| Op::Cancel { deal, by_payer }),
        (deal.clone(), any::<bool>())
            .prop_map(|(deal, by_customer)| Op::Dispute { deal, by_customer }),
        (0usize..4, 0u8..3).prop_map(|(dispute, decision)| Op::Resolve { dispute, decision }),
        deal.prop_map(Op::Expire),
        (0usize..3, any::<bool>()).prop_map(|(who, online)| Op::Switch { who, online }),
        (0usize..3).prop_map(Op::Unfreeze),
        (0usize..2, any::<bool>()).prop_map(|(listing, pause)| Op::Turn { listing, pause }),
        (0usize..2).prop_map(Op::Close),
    ]
}

pub(crate) struct Fixture {
    pub(crate) harness: Harness<Memory>,
    people: Vec<Caller>,
    listings: Vec<Listing>,
    deals: Vec<OfferId>,
}

impl Fixture {
    /// The same in every run: two exchangers with a listing each, a customer, deals at several stages and disputes.
    pub(crate) async fn open(store: Memory) -> Self {
        let policy = Policy {
            unanswered_limit: 0,
            ..unlimited()
        };
        let harness = Harness::open_with(
            store,
            Setup {
                policy,
                ..Setup::default()
            },
        )
        .await;
        let people = vec![
            harness.exchanger("anna").await,
            harness.exchanger("berta").await,
            harness.customer("carla").await,
        ];
        for person in &people {
            harness.deposit(*person, "1000", Asset::Usdt).await;
        }
        let mut listings = Vec::new();
        for (owner, exchange_type) in people.iter().zip(ExchangeType::ALL) {
            listings.push(harness.publish(*owner, &Offering::of(exchange_type)).await);
        }
        // Others, which a freeze of their owner pauses along with the one that was not answered.
        for owner in &people[..2] {
            for exchange_type in ExchangeType::ALL {
                harness.publish(*owner, &Offering::of(exchange_type)).await;
            }
        }
        let mut deals = Vec::new();
        for turn in 0..DEALS {
            let offer = harness.offer(people[2], &listings[turn % 2], "20").await;
            if turn >= 2 {
                harness.accept(&offer).await;
            }
            if turn >= 4 {
                harness.pay(&offer).await;
            }
            if turn == 4 || turn == 5 {
                let by = if turn == 4 {
                    offer.terms.customer
                } else {
                    offer.terms.exchanger
                };
                harness.dispute(&offer, by).await;
            }
            deals.push(offer.id);
        }
        // All deadlines have passed: whoever is not moved in time can be expired.
        harness.clock.advance(hours(25));
        Self {
            harness,
            people,
            listings,
            deals,
        }
    }

    /// Carries them out, so many at a time, and tells each answer.
    pub(crate) async fn run(&self, ops: &[Op], sizes: &[usize]) -> Vec<String> {
        let mut answers = Vec::new();
        let mut rest = ops;
        let mut sizes = sizes.iter().copied().cycle();
        while !rest.is_empty() {
            let size = sizes.next().unwrap_or(1).clamp(1, rest.len());
            let (batch, later) = rest.split_at(size);
            rest = later;
            // A new id is drawn per command, in order: the same in every run.
            let first = answers.len();
            let waiting: Vec<_> = (first..)
                .zip(batch)
                .map(|(turn, op)| self.post(turn, *op))
                .collect();
            for one in waiting {
                answers.push(one.await);
            }
        }
        answers
    }

    fn post(&self, turn: usize, op: Op) -> std::pin::Pin<Box<dyn Future<Output = String>>> {
        // Ids that depend on the command's place alone, not on how many commits there were before.
        let fresh = (u128::MAX >> 1) + u128::try_from(turn).unwrap();
        let deal = |index: usize| self.deals[index];
        let terms = |index: usize| {
            let tables = self.harness.store.tables();
            tables.offers[&self.deals[index]].clone()
        };
        let harness = &self.harness;
        macro_rules! post {
            ($command:expr) => {{
                let posted = harness.post($command);
                Box::pin(async move { outcome_text(posted.await) })
            }};
        }
        match op {
            Op::Deposit { to, minor } => post!(Deposit {
                caller: harness.admin,
                user: self.people[to].user,
                asset: Asset::Usdt,
                amount: decimal(&format!("{minor}e-6")),
            }),
            Op::Offer {
                by,
                listing,
                tenths,
            } => post!(p2p_application::offer::CreateOffer {
                id: OfferId::from_u128(fresh),
                amount: decimal(&format!("{tenths}e-1")),
                ..harness.opening(self.people[by], &self.listings[listing], "1")
            }),
            Op::Accept(index) => post!(AcceptOffer {
                caller: party(terms(index).terms.exchanger),
                offer: deal(index),
            }),
            Op::Decline(index) => post!(DeclineOffer {
                caller: party(terms(index).terms.exchanger),
                offer: deal(index),
            }),
            Op::Pay(index) => post!(ConfirmPayment {
                caller: party(terms(index).fiat_payer()),
                offer: deal(index),
                reference: "SEPA".to_owned(),
            }),
            Op::Receive(index) => post!(ConfirmReceipt {
                caller: party(terms(index).crypto_holder()),
                offer: deal(index),
            }),
            Op::Cancel {
                deal: index,
                by_payer,
            } => {
                let offer = terms(index);
                let by = if by_payer {
                    offer.fiat_payer()
                } else {
                    offer.crypto_holder()
                };
                post!(CancelOffer {
                    caller: party(by),
                    offer: offer.id,
                    claimed: None,
                    reason: "changed my mind".to_owned(),
                })
            }
            Op::Dispute {
                deal: index,
                by_customer,
            } => {
                let terms = terms(index).terms;
                let by = if by_customer {
                    terms.customer
                } else {
                    terms.exchanger
                };
                post!(OpenDispute {
                    id: DisputeId::from_u128(fresh),
                    caller: party(by),
                    offer: deal(index),
                    claimed: None,
                    reason: "no money came".to_owned(),
                })
            }
            Op::Resolve { dispute, decision } => {
                let tables = harness.store.tables();
                let known: Vec<_> = tables.disputes.keys().copied().take(2).collect();
                let missing = DisputeId::from_u128(7);
                post!(ResolveDispute {
                    caller: harness.moderator,
                    dispute: known.get(dispute).copied().unwrap_or(missing),
                    decision: match decision {
                        0 => Decision::Finished,
                        1 => Decision::Cancelled,
                        _ => Decision::Split {
                            payer_amount: decimal("7.7")
                        },
                    },
                    comment: "so be it".to_owned(),
                })
            }
            Op::Expire(index) => post!(ExpireOffer {
                offer: deal(index),
                dispute: DisputeId::from_u128(fresh),
                freezes: true
            }),
            Op::Switch { who, online } => post!(SwitchOnline {
                caller: self.people[who],
                exchanger: self.people[who].user,
                online,
            }),
            Op::Unfreeze(who) => post!(UnfreezeExchanger {
                caller: harness.moderator,
                exchanger: self.people[who].user,
            }),
            Op::Turn { listing, pause } => post!(UpdateListing {
                caller: party(self.listings[listing].exchanger),
                listing: self.listings[listing].id,
                change: ListingChange {
                    switch: Some(if pause { Switch::Pause } else { Switch::Resume }),
                    ..ListingChange::default()
                },
            }),
            Op::Close(listing) => post!(CloseListing {
                caller: party(self.listings[listing].exchanger),
                listing: self.listings[listing].id,
            }),
        }
    }

    /// All rows, as text; what is numbered as it is committed (transfers and messages) without its number.
    pub(crate) fn rows(&self) -> BTreeMap<String, String> {
        let tables = self.harness.store.tables();
        let mut rows = BTreeMap::new();
        let mut tell = |table: &str, row: &dyn std::fmt::Debug| {
            let place = rows.len();
            rows.insert(format!("{table} {place:05}"), format!("{row:?}"));
        };
        tables.users.values().for_each(|row| tell("a user", row));
        tables.offers.values().for_each(|row| tell("an offer", row));
        tables
            .disputes
            .values()
            .for_each(|row| tell("a dispute", row));
        tables
            .exchangers
            .values()
            .for_each(|row| tell("an exchanger", row));
        tables
            .listings
            .values()
            .for_each(|row| tell("a listing", row));
        tables
            .accounts
            .values()
            .for_each(|row| tell("an account", row));
        tables.history.values().for_each(|row| tell("a step", row));
        for row in tables.transfers.values() {
            tell("a transfer", &(&row.posting, &row.entries, row.at));
        }
        for row in tables.outbox.values() {
            tell(
                "a message",
                &(&row.name, row.aggregate, row.version, &row.body, row.at),
            );
        }
        rows
    }
}

fn outcome_text<T: std::fmt::Debug>(answer: Result<T, CommandError>) -> String {
    let mut text = String::new();
    match answer {
        Ok(outcome) => write!(text, "{outcome:?}"),
        Err(error) => write!(text, "refused: {error:?}"),
    }
    .unwrap();
    text
}
