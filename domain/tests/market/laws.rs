//! What is true of a market at every instant.

use std::collections::BTreeMap;

use p2p_domain::dispute::{DisputeState, Resolution};
use p2p_domain::ledger::{Bucket, Owner, PostingKind};
use p2p_domain::listing::ListingState;
use p2p_domain::offer::Status;
use p2p_domain::refusal::OfferRefusal;
use p2p_domain::{AccountKey, ExchangeType, Refusal, UserId};
use proptest::prelude::*;

use super::op::Op;
use super::{Deal, Market};
use crate::support::contract;

type Law = Result<(), TestCaseError>;

/// All of them.
pub(crate) fn hold(market: &Market) -> Law {
    postings_sum_to_zero(market)?;
    balances_are_the_sums_of_their_legs(market)?;
    nobody_owes(market)?;
    what_is_held_is_what_open_deals_are_about(market)?;
    balances_are_what_the_deals_say(market)?;
    listings_add_up(market)?;
    frozen_exchangers_offer_nothing(market)?;
    for deal in &market.deals {
        history_is_gapless_and_legal(deal)?;
        every_wait_but_a_dispute_ends(market, deal)?;
        disputes_are_open_while_the_deal_is(deal)?;
    }
    Ok(())
}

fn postings_sum_to_zero(market: &Market) -> Law {
    let mut totals = BTreeMap::new();
    for posting in &market.journal {
        prop_assert!(posting.legs().len() >= 2, "{posting:?}");
        let mut sums = BTreeMap::new();
        for leg in posting.legs() {
            prop_assert_ne!(leg.amount, 0, "an idle leg: {:?}", posting);
            *sums.entry(leg.account.asset).or_insert(0) += i128::from(leg.amount);
            *totals.entry(leg.account.asset).or_insert(0) += i128::from(leg.amount);
        }
        prop_assert!(
            sums.values().all(|sum| *sum == 0),
            "unbalanced: {posting:?}"
        );
    }
    prop_assert!(totals.values().all(|sum| *sum == 0), "{totals:?}");
    Ok(())
}

fn balances_are_the_sums_of_their_legs(market: &Market) -> Law {
    let mut sums: BTreeMap<AccountKey, (i64, i64)> = BTreeMap::new();
    for leg in market.journal.iter().flat_map(|posting| posting.legs()) {
        let sum = sums.entry(leg.account).or_default();
        match leg.bucket {
            Bucket::Available => sum.0 += leg.amount,
            Bucket::Held => sum.1 += leg.amount,
        }
    }
    let balances = market.accounts.iter();
    let balances = balances.map(|(key, a)| (*key, (a.available().minor(), a.held().minor())));
    prop_assert_eq!(balances.collect::<BTreeMap<_, _>>(), sums);
    Ok(())
}

fn nobody_owes(market: &Market) -> Law {
    for (key, account) in &market.accounts {
        prop_assert!(account.held().minor() >= 0, "{account:?}");
        if key.owner == Owner::External {
            prop_assert!(
                account.available().minor() <= 0,
                "made of nothing: {account:?}"
            );
        } else {
            prop_assert!(account.available().minor() >= 0, "{account:?}");
        }
    }
    Ok(())
}

/// Per asset, and person by person.
fn what_is_held_is_what_open_deals_are_about(market: &Market) -> Law {
    let mut escrows = BTreeMap::new();
    for deal in market.deals.iter().filter(|deal| deal.is_open()) {
        let amount = deal.offer.terms.amount;
        let key = AccountKey::user(deal.parties().0, amount.asset());
        *escrows.entry(key).or_insert(0) += amount.minor();
    }
    let held = market.accounts.iter();
    let held = held.map(|(key, account)| (*key, account.held().minor()));
    let held = held.filter(|(_, minor)| *minor != 0);
    prop_assert_eq!(held.collect::<BTreeMap<_, _>>(), escrows);
    Ok(())
}

/// The books kept a second time, from what became of each deal.
fn balances_are_what_the_deals_say(market: &Market) -> Law {
    let mut books: BTreeMap<AccountKey, i64> = BTreeMap::new();
    let deposits = market.journal.iter();
    for deposit in deposits.filter(|posting| posting.kind() == PostingKind::Deposit) {
        for leg in deposit.legs() {
            *books.entry(leg.account).or_default() += leg.amount;
        }
    }
    for deal in &market.deals {
        let (amount, paid) = (deal.offer.terms.amount.minor(), deal.paid());
        let fee = paid * i64::from(deal.fee_then) / 10_000;
        let asset = deal.offer.terms.amount.asset();
        let (holder, payer) = deal.parties();
        let kept = if deal.is_open() { amount } else { paid };
        *books.entry(AccountKey::user(holder, asset)).or_default() -= kept;
        *books.entry(AccountKey::user(payer, asset)).or_default() += paid - fee;
        *books.entry(AccountKey::fees(asset)).or_default() += fee;
    }
    books.retain(|_, minor| *minor != 0);
    let balances = market.accounts.iter();
    let balances = balances.map(|(key, account)| (*key, account.available().minor()));
    let balances = balances.filter(|(_, minor)| *minor != 0);
    prop_assert_eq!(balances.collect::<BTreeMap<_, _>>(), books);
    Ok(())
}

fn listings_add_up(market: &Market) -> Law {
    for listing in &market.listings {
        let theirs = market.deals.iter();
        let theirs: Vec<_> = theirs
            .filter(|deal| deal.offer.terms.listing == listing.id)
            .collect();
        let open = theirs.iter().filter(|deal| deal.is_open());
        let frozen: i64 = open.map(|deal| deal.offer.terms.amount.minor()).sum();
        let executed: i64 = theirs.iter().map(|deal| deal.paid()).sum();
        prop_assert_eq!(listing.frozen.minor(), frozen, "frozen: {:?}", listing);
        prop_assert_eq!(
            listing.executed.minor(),
            executed,
            "executed: {:?}",
            listing
        );
        let remaining = listing.remaining().minor();
        prop_assert!(remaining >= 0, "over-committed: {listing:?}");
        prop_assert_eq!(remaining + frozen + executed, listing.total.minor());
    }
    Ok(())
}

fn frozen_exchangers_offer_nothing(market: &Market) -> Law {
    for listing in &market.listings {
        let mut all = market.exchangers.iter();
        let frozen = all.any(|one| one.user == listing.exchanger && one.frozen_at.is_some());
        prop_assert!(
            !frozen || listing.state != ListingState::Active,
            "{listing:?}"
        );
    }
    Ok(())
}

fn history_is_gapless_and_legal(deal: &Deal) -> Law {
    let mut before: Option<Status> = None;
    for (entry, version) in deal.history.iter().zip(1..) {
        prop_assert_eq!(entry.version, version, "a gap: {:?}", deal);
        prop_assert_eq!(entry.offer, deal.offer.id);
        let known = contract::TABLE.iter().any(|row| {
            let direction = deal.offer.terms.exchange_type;
            row.actors(direction).contains(&entry.actor) && row.leads(before, entry.status)
        });
        prop_assert!(known, "{:?} -> {:?}", before, entry);
        before = Some(entry.status);
    }
    prop_assert_eq!(before, Some(deal.offer.status()));
    prop_assert_eq!(deal.history.len() as u64, deal.offer.version);
    prop_assert!(deal.history.is_sorted_by_key(|entry| entry.at), "{deal:?}");
    Ok(())
}

fn every_wait_but_a_dispute_ends(market: &Market, deal: &Deal) -> Law {
    let status = deal.offer.status();
    let waits = !status.is_final() && status != Status::DisputeOpen;
    prop_assert_eq!(deal.offer.deadline().is_some(), waits, "{:?}", deal.offer);
    prop_assert!(deal.history.iter().all(|entry| entry.at <= market.now));
    Ok(())
}

/// One of each side at most; all open, or all resolved in the same way.
fn disputes_are_open_while_the_deal_is(deal: &Deal) -> Law {
    let disputed = deal.offer.status() == Status::DisputeOpen;
    prop_assert_eq!(disputed, deal.disputes.iter().any(|one| one.is_open()));
    let mut sides: Vec<_> = deal.disputes.iter().map(|one| one.opened_by).collect();
    sides.sort_unstable();
    sides.dedup();
    prop_assert_eq!(sides.len(), deal.disputes.len(), "{:?}", deal.disputes);
    let first = deal.disputes.first().map(|one| one.is_open());
    prop_assert!(deal.disputes.iter().all(|one| Some(one.is_open()) == first));
    Ok(())
}

/// A refusal is one that this step may meet, and changes nothing.
pub(crate) fn refused(before: &Market, after: &Market, op: &Op, refusal: &Refusal) -> Law {
    let expected: &[&str] = match op {
        Op::Deposit { .. } | Op::Switch { .. } | Op::Unfreeze { .. } | Op::Fee { .. } => &[],
        Op::Publish { .. } => &["EXCHANGER_FROZEN"],
        Op::Manage { .. } => &[
            "LISTING_NOT_FOUND",
            "LISTING_CLOSED",
            "EXCHANGER_FROZEN",
            "INVALID_LISTING",
            "TOTAL_BELOW_COMMITTED",
        ],
        Op::Create { .. } => &[
            "LISTING_NOT_FOUND",
            "LISTING_PAUSED",
            "LISTING_CLOSED",
            "SELF_DEAL",
            "EXCHANGER_OFFLINE",
            "AMOUNT_NOT_POSITIVE",
            "OVER_REMAINING",
            "BELOW_MINIMUM",
            "ABOVE_MAXIMUM",
            "INSUFFICIENT_FUNDS",
        ],
        Op::Act { .. } => &[
            "OFFER_NOT_FOUND",
            "ILLEGAL_TRANSITION",
            "DISPUTE_ALREADY_OPENED",
            "SPLIT_OUT_OF_RANGE",
        ],
    };
    prop_assert!(
        expected.contains(&refusal.code()),
        "{op:?} meets {refusal:?}"
    );
    prop_assert_eq!(before, after, "{:?} left traces", refusal);
    if let (
        Refusal::Offer(OfferRefusal::IllegalTransition {
            state,
            trigger,
            actor,
        }),
        Op::Act { deal, .. },
    ) = (refusal, op)
    {
        let offer = &before.newest(*deal).unwrap().offer;
        prop_assert_eq!(*state, Some(offer.status()));
        let legal = contract::row(*state, *trigger, *actor, offer.terms.exchange_type);
        prop_assert!(legal.is_none(), "legal, and refused: {refusal:?}");
    }
    Ok(())
}

impl Deal {
    fn is_open(&self) -> bool {
        let status = self.offer.status();
        !matches!(
            status,
            Status::Finished | Status::Cancelled | Status::Declined
        )
    }

    /// The crypto holder, then the fiat payer.
    fn parties(&self) -> (UserId, UserId) {
        let terms = &self.offer.terms;
        match terms.exchange_type {
            ExchangeType::CryptoToFiat => (terms.customer, terms.exchanger),
            ExchangeType::FiatToCrypto => (terms.exchanger, terms.customer),
        }
    }

    /// What left escrow for the fiat payer and the market.
    fn paid(&self) -> i64 {
        let split = self.disputes.iter().find_map(|one| match one.state {
            DisputeState::Resolved {
                resolution: Resolution::Split { payer_amount },
                ..
            } => Some(payer_amount.minor()),
            _ => None,
        });
        match self.offer.status() {
            Status::Finished => split.unwrap_or(self.offer.terms.amount.minor()),
            _ => 0,
        }
    }
}
