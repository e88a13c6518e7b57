//! The laws of payments, withdrawals and orders.

use std::collections::{BTreeMap, BTreeSet};

use p2p_application::ports::Violation;
use p2p_domain::ledger::{Bucket, PostingKind, Reference};
use p2p_domain::order::OrderState;
use p2p_domain::payment::{PaymentOrigin, PaymentState};
use p2p_domain::withdrawal::WithdrawalStatus;
use p2p_domain::{AccountId, AccountKey, Asset, Order, OrderId, Payment, ReportOutcome};

use super::MAX_FINDINGS;
use crate::tables::Tables;

/// One movement of a balance: for what, of which kind, on which account, in which asset, whether of what is held.
type Place = (String, &'static str, Option<AccountId>, Option<Asset>, bool);

/// How many entries there are in a place, and what they sum to.
type Moves = BTreeMap<Place, (u64, i128)>;

fn book(moves: &mut Moves, place: Place, amount: i64) {
    let (count, sum) = moves.entry(place).or_default();
    *count += 1;
    *sum += i128::from(amount);
}

/// What the journal says of payments or of withdrawals.
fn booked(tables: &Tables, what: fn(Reference) -> Option<String>) -> Moves {
    let mut moves = Moves::new();
    for transfer in tables.transfers.values() {
        let Some(id) = what(transfer.posting.reference()) else {
            continue;
        };
        let kind = transfer.posting.kind().name();
        for entry in &transfer.entries {
            let held = entry.bucket == Bucket::Held;
            let key = tables.account_ids.get(&entry.account);
            let asset = key.map(|key| key.asset);
            let place = (id.clone(), kind, Some(entry.account), asset, held);
            book(&mut moves, place, entry.amount);
        }
    }
    moves
}

fn compare(found: &mut Vec<Violation>, law: &'static str, is: &Moves, should_be: &Moves) {
    let mut places: Vec<&Place> = is.keys().chain(should_be.keys()).collect();
    places.sort_unstable();
    places.dedup();
    let offending = places.into_iter().filter_map(|place| {
        let of = |moves: &Moves| moves.get(place).copied().unwrap_or_default();
        let (is, should_be) = (of(is), of(should_be));
        let (id, kind, account, ..) = place;
        (is != should_be).then(|| Violation {
            law,
            row: id.clone(),
            detail: format!(
                "{kind} on {account:?}: {} entries of {}, should be {} of {}",
                is.0, is.1, should_be.0, should_be.1
            ),
        })
    });
    found.extend(offending.take(MAX_FINDINGS));
}

/// What was paid has changed hands once, what was refunded has come back once, and what was declined has not moved.
pub(super) fn payments(tables: &Tables, found: &mut Vec<Violation>) {
    let mut expected = Moves::new();
    for payment in tables.payments.values() {
        let (minor, asset) = (payment.terms.amount.minor(), payment.terms.amount.asset());
        let (payer, payee) = (payment.terms.payer, payment.terms.payee);
        let mut moved = |kind: PostingKind, from, to| {
            let place = |account| {
                (
                    payment.id.to_string(),
                    kind.name(),
                    account,
                    Some(asset),
                    false,
                )
            };
            book(&mut expected, place(from), minor.saturating_neg());
            book(&mut expected, place(to), minor);
        };
        match payment.state {
            PaymentState::Declined(_) => {}
            PaymentState::Authorized => moved(PostingKind::Payment, payer, payee),
            PaymentState::Refunded { .. } => {
                moved(PostingKind::Payment, payer, payee);
                moved(PostingKind::Refund, payee, payer);
            }
        }
    }
    let actual = booked(tables, |reference| match reference {
        Reference::Payment(id) => Some(id.to_string()),
        _ => None,
    });
    let law = "each payment has moved what its state says, once";
    compare(found, law, &actual, &expected);
}

/// What is to be withdrawn is held, and then has left or come back.
pub(super) fn withdrawals(tables: &Tables, found: &mut Vec<Violation>) {
    let mut expected = Moves::new();
    for row in tables.withdrawals.values() {
        let (minor, asset) = (row.amount.minor(), row.amount.asset());
        let id_of = |key| tables.accounts.get(&key).map(|account| account.id);
        let own = id_of(AccountKey::user(row.user, asset));
        let external = id_of(AccountKey::external(asset));
        let mut moved = |kind: PostingKind, account, held, amount| {
            let place = (row.id.to_string(), kind.name(), account, Some(asset), held);
            book(&mut expected, place, amount);
        };
        moved(PostingKind::WithdrawalHold, own, false, -minor);
        moved(PostingKind::WithdrawalHold, own, true, minor);
        match row.status() {
            WithdrawalStatus::Requested => {}
            WithdrawalStatus::Approved => {
                moved(PostingKind::Withdrawal, own, true, -minor);
                moved(PostingKind::Withdrawal, external, false, minor);
            }
            WithdrawalStatus::Rejected => {
                moved(PostingKind::WithdrawalRelease, own, true, -minor);
                moved(PostingKind::WithdrawalRelease, own, false, minor);
            }
        }
    }
    let actual = booked(tables, |reference| match reference {
        Reference::Withdrawal(id) => Some(id.to_string()),
        _ => None,
    });
    let law = "each withdrawal has moved what its state says, once";
    compare(found, law, &actual, &expected);
}

/// What a provider has reported as a deposit has come in once.
pub(super) fn deposits(tables: &Tables, found: &mut Vec<Violation>) {
    let mut expected = Moves::new();
    let applied = tables
        .reports
        .values()
        .filter(|report| report.outcome == ReportOutcome::Applied && report.offer.is_none());
    for report in applied {
        let asset = report.paid.asset();
        let external = tables.accounts.get(&AccountKey::external(asset));
        let place = (
            report.id.to_string(),
            PostingKind::Deposit.name(),
            external.map(|account| account.id),
            Some(asset),
            false,
        );
        book(&mut expected, place, -report.paid.minor());
    }
    let mut actual = booked(tables, |reference| match reference {
        Reference::Report(id) => Some(id.to_string()),
        _ => None,
    });
    // The other side is somebody's wallet; that both sum to zero is another law.
    let outside: BTreeSet<Option<AccountId>> = Asset::ALL
        .iter()
        .map(|asset| tables.accounts.get(&AccountKey::external(*asset)))
        .map(|account| account.map(|account| account.id))
        .collect();
    actual.retain(|(_, _, account, ..), _| outside.contains(account));
    let law = "each reported deposit has come in once";
    compare(found, law, &actual, &expected);
}

/// A finished order was paid, by the payment that it names; a cancelled one was not.
pub(super) fn orders(tables: &Tables, found: &mut Vec<Violation>) {
    let made: BTreeMap<OrderId, &Payment> = tables
        .payments
        .values()
        .filter(|payment| payment.decline().is_none())
        .filter_map(|payment| match payment.origin {
            PaymentOrigin::Order(order) => Some((order, payment)),
            PaymentOrigin::Caller { .. } => None,
        })
        .collect();
    let wrong = tables
        .orders
        .values()
        .filter(|order| !fits(order, made.get(&order.id).copied()));
    found.extend(wrong.take(MAX_FINDINGS).map(|order| Violation {
        law: "each finished order was paid, and no cancelled one",
        row: order.id.to_string(),
        detail: format!(
            "the order over {} is {}, paid by {:?}",
            order.purchase.amount,
            order.status(),
            made.get(&order.id).map(|payment| payment.id)
        ),
    }));
}

/// Whether an order agrees with the payment that was made for it.
fn fits(order: &Order, made: Option<&Payment>) -> bool {
    match (order.state, made) {
        (OrderState::New, _) | (OrderState::Cancelled { .. }, None) => true,
        (
            OrderState::Finished {
                payment,
                refunded_at,
                ..
            },
            Some(made),
        ) => {
            let returned = matches!(made.state, PaymentState::Refunded { .. });
            made.id == payment
                && made.terms.amount == order.purchase.amount
                && (refunded_at.is_none() || returned)
        }
        (OrderState::Finished { .. }, None) | (OrderState::Cancelled { .. }, Some(_)) => false,
    }
}
