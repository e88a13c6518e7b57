//! The audit: every law of the ledger and of the market, looked at in one snapshot.

mod payments;

use std::collections::BTreeMap;
use std::fmt::Debug;

use p2p_application::audit_log::ChainVerifier;
use p2p_application::ports::{LedgerReport, Violation};
use p2p_domain::ledger::{Bucket, Owner};
use p2p_domain::withdrawal::WithdrawalStatus;
use p2p_domain::{AccountKey, Asset, ListingId, Offer, OfferId};

use crate::commit::sum;
use crate::tables::Tables;

/// How many offending rows of one law are told.
const MAX_FINDINGS: usize = 100;

pub(crate) fn audit(tables: &Tables) -> LedgerReport {
    let mut report = LedgerReport {
        accounts: count(tables.accounts.len()),
        entries: count(tables.transfers.values().map(|row| row.entries.len()).sum()),
        open_deals: count(open(tables).count()),
        trail: Some(tables.audit_head),
        violations: Vec::new(),
    };
    for law in [
        journal,
        balances,
        escrow,
        listings,
        histories,
        payments::payments,
        payments::withdrawals,
        payments::deposits,
        payments::orders,
        trail,
    ] {
        law(tables, &mut report.violations);
    }
    report
}

fn trail(tables: &Tables, found: &mut Vec<Violation>) {
    let mut inspector = ChainVerifier::default();
    let faults = tables.trail.values().filter_map(|row| inspector.next(row));
    found.extend(faults.take(MAX_FINDINGS));
    found.extend(inspector.end(tables.audit_head));
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// Deals whose crypto is in escrow.
fn open(tables: &Tables) -> impl Iterator<Item = &Offer> {
    tables
        .offers
        .values()
        .filter(|offer| !offer.status().is_final())
}

/// Compares what is with what should be, row by row.
fn compare<K: Debug + Ord>(
    found: &mut Vec<Violation>,
    law: &'static str,
    actual: &BTreeMap<K, i128>,
    expected: &BTreeMap<K, i128>,
) {
    let mut keys: Vec<&K> = actual.keys().chain(expected.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let offending = keys.into_iter().filter_map(|key| {
        let of = |side: &BTreeMap<K, i128>| side.get(key).copied().unwrap_or_default();
        let (is, should_be) = (of(actual), of(expected));
        (is != should_be).then(|| Violation {
            law,
            row: format!("{key:?}"),
            detail: format!("is {is}, should be {should_be}"),
        })
    });
    found.extend(offending.take(MAX_FINDINGS));
}

fn add<K: Ord>(sums: &mut BTreeMap<K, i128>, key: K, amount: i64) {
    *sums.entry(key).or_default() += i128::from(amount);
}

/// All entries sum to zero, per transfer and asset.
fn journal(tables: &Tables, found: &mut Vec<Violation>) {
    let nothing = BTreeMap::new();
    let sums = tables.transfers.values().map(|row| (row.id, sum(row)));
    let law = "the entries of a transfer sum to zero";
    compare(found, law, &sums.collect(), &nothing);

    let mut sums: BTreeMap<Option<Asset>, i128> = BTreeMap::new();
    for transfer in tables.transfers.values() {
        let assets = transfer.entries.iter().map(|entry| {
            let account = tables.account_ids.get(&entry.account);
            account.map(|key| key.asset)
        });
        for (entry, asset) in transfer.entries.iter().zip(assets) {
            add(&mut sums, asset, entry.amount);
        }
    }
    let law = "the entries of an asset sum to zero";
    compare(found, law, &sums, &BTreeMap::new());
}

/// Each balance is the sum of its entries, and only the outside world may owe.
fn balances(tables: &Tables, found: &mut Vec<Violation>) {
    let (mut actual, mut expected) = (BTreeMap::new(), BTreeMap::new());
    for account in tables.accounts.values() {
        add(
            &mut actual,
            (account.id, false),
            account.available().minor(),
        );
        add(&mut actual, (account.id, true), account.held().minor());
    }
    for entry in tables.transfers.values().flat_map(|row| &row.entries) {
        let held = entry.bucket == Bucket::Held;
        add(&mut expected, (entry.account, held), entry.amount);
    }
    let law = "a balance is the sum of its entries";
    compare(found, law, &actual, &expected);

    let below = tables.accounts.values().filter(|account| {
        let may_owe = account.key.owner == Owner::External;
        account.held().minor() < 0 || (!may_owe && account.available().minor() < 0)
    });
    found.extend(below.take(MAX_FINDINGS).map(|account| Violation {
        law: "no balance is negative",
        row: account.id.to_string(),
        detail: format!("{} available, {} held", account.available(), account.held()),
    }));
}

/// What somebody's held balance is made of: open deals, and withdrawals that nobody has decided.
fn escrow(tables: &Tables, found: &mut Vec<Violation>) {
    let (mut actual, mut expected) = (BTreeMap::new(), BTreeMap::new());
    for account in tables.accounts.values() {
        add(&mut actual, account.key, account.held().minor());
    }
    for offer in open(tables) {
        let amount = offer.terms.amount;
        let key = AccountKey::user(offer.crypto_holder(), amount.asset());
        add(&mut expected, key, amount.minor());
    }
    let waiting = tables
        .withdrawals
        .values()
        .filter(|row| row.status() == WithdrawalStatus::Requested);
    for withdrawal in waiting {
        let amount = withdrawal.amount;
        let key = AccountKey::user(withdrawal.user, amount.asset());
        add(&mut expected, key, amount.minor());
    }
    let law = "what is held is the sum of the holder's open escrows and requested withdrawals";
    compare(found, law, &actual, &expected);
}

/// A listing's amounts add up, and its frozen part is what its open deals are about.
fn listings(tables: &Tables, found: &mut Vec<Violation>) {
    let (mut actual, mut expected): (BTreeMap<ListingId, i128>, _) = Default::default();
    for listing in tables.listings.values() {
        add(&mut actual, listing.id, listing.frozen.minor());
    }
    for offer in open(tables) {
        add(
            &mut expected,
            offer.terms.listing,
            offer.terms.amount.minor(),
        );
    }
    let law = "a listing's frozen amount is the sum of its open deals";
    compare(found, law, &actual, &expected);

    let off = tables.listings.values().filter(|listing| {
        let parts = [listing.frozen, listing.executed, listing.remaining()];
        let assets = parts.iter().any(|part| part.asset() != listing.asset());
        assets || parts.iter().any(|part| part.minor() < 0)
    });
    found.extend(off.take(MAX_FINDINGS).map(|listing| Violation {
        law: "a listing's amounts add up",
        row: listing.id.to_string(),
        detail: format!(
            "{} frozen and {} executed of {}",
            listing.frozen, listing.executed, listing.total
        ),
    }));
}

/// A deal's version counts the steps of its history, and the last of them led to where it is.
fn histories(tables: &Tables, found: &mut Vec<Violation>) {
    let mut steps: BTreeMap<OfferId, i128> = BTreeMap::new();
    for (offer, _) in tables.history.keys() {
        add(&mut steps, *offer, 1);
    }
    let versions = tables
        .offers
        .values()
        .map(|row| (row.id, i128::from(row.version)));
    let law = "a deal's version is the length of its history";
    compare(found, law, &versions.collect(), &steps);

    let astray = tables.offers.values().filter(|offer| {
        let last = tables.history.get(&(offer.id, offer.version));
        last.is_some_and(|step| step.status != offer.status())
    });
    found.extend(astray.take(MAX_FINDINGS).map(|offer| Violation {
        law: "a deal's history ends where the deal is",
        row: offer.id.to_string(),
        detail: format!("the deal is {}", offer.status()),
    }));
}
