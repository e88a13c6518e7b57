//! The audit finds each broken law, names the row, and finds nothing where nothing is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use crate::common::*;
use anyhow::Result;
use p2p_application::ports::{ChangeSet, Maintenance, Violation};
use p2p_domain::order::PaymentResult;
use p2p_domain::payment::{PaymentOrigin, PaymentTerms};
use p2p_domain::purchase::Purchase;
use p2p_domain::{ExchangeType, Offer, Order, Payment, Posting, Withdrawal};
use p2p_persistence::Database;
use p2p_tests::databases::TestDatabase;
use sea_orm::DatabaseConnection;

on_both! {
    a_sound_market_is_found_sound
    each_broken_law_is_found
    each_broken_law_of_payments_is_found
    sums_beyond_64_bits_are_exact
    at_most_a_hundred_of_each_law_are_listed
    the_audit_sees_one_moment
}

const ASSET: &str = "per asset, the sum of all entries is zero";
const TRANSFER: &str = "per asset, the sum of each transfer's entries is zero";
const BALANCE: &str = "each balance is the sum of its entries";
const NEGATIVE: &str = "no balance but the outside world's is negative";
const ESCROW: &str =
    "each holder's held balance is the sum of that holder's open escrows and requested withdrawals";
const LISTING: &str = "each listing's amounts are not negative and add up to its total";
const FROZEN: &str = "each listing's frozen amount is the sum of its open deals";
const HISTORY: &str = "each deal's version is the length of its history";
const PAYMENT: &str = "each payment has moved what its state says, once";
const WITHDRAWAL: &str = "each withdrawal has moved what its state says, once";
const ORDER: &str = "each finished order was paid, and no cancelled one";
const STATUS: &str = "each deal's status is that of the last step in its history";

/// Two stalls, one of each direction, each with an open deal and one that was declined.
async fn market(database: &Database) -> (Stall, Offer) {
    let mut last = None;
    for exchange_type in ExchangeType::ALL {
        let mut stall = Stall::with_type(database, exchange_type).await;
        let (open, changes) = stall.offer(50_000_000);
        commit(database, &changes).await.unwrap();
        let (declined, changes) = stall.offer(20_000_000);
        commit(database, &changes).await.unwrap();
        let (_, changes) = stall.decline(declined);
        commit(database, &changes).await.unwrap();
        let (open, changes) = stall.accept(open);
        commit(database, &changes).await.unwrap();
        last = Some((stall, open));
    }
    last.unwrap()
}

async fn a_sound_market_is_found_sound(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let empty = database.audit().await?;
    assert_eq!((empty.accounts, empty.entries), (33, 0));
    assert_eq!(empty.violations, Vec::new());
    market(&database).await;
    let report = database.audit().await?;
    assert_eq!(report.violations, Vec::new());
    // Four deposits of two entries, four holds and two releases of two.
    assert_eq!(
        (report.accounts, report.entries, report.open_deals),
        (37, 20, 2)
    );
    database.close().await?;
    test.drop_now().await
}

/// A change behind the schema's back, how to take it back, and which laws it breaks in which row.
struct Plant {
    plant: String,
    undo: String,
    broken: Vec<(&'static str, String)>,
}

async fn each_broken_law_is_found(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let (stall, open) = market(&database).await;
    let raw = test.raw().await?;
    unguard(&test, &raw).await?;
    let (holder, other) = (stall.exchanger_account, stall.customer_account);
    let (account, empty) = (literal(&test, holder.id), literal(&test, other.id));
    let (offer, listing) = (literal(&test, open.id), literal(&test, stall.listing.id));
    let deposit = format!("account_id = {account} AND kind = 'DEPOSIT'");
    let text: String = rows(
        &raw,
        &format!(
            "SELECT {} FROM journal_entries WHERE {deposit}",
            if test.is_sqlite() {
                "hex(transfer_id)"
            } else {
                "replace(transfer_id::text, '-', '')"
            }
        ),
    )
    .await?[0]
        .try_get_by_index(0)?;
    let bits = u128::from_str_radix(&text, 16)?;
    let transfer: p2p_domain::TransferId = p2p_domain::TypedId::from_u128(bits);
    let other_transfer: p2p_domain::TransferId = fresh();
    let (stored, moved) = (literal(&test, transfer), literal(&test, other_transfer));

    let plants = [
        Plant {
            plant: format!("UPDATE journal_entries SET amount = amount + 5 WHERE {deposit}"),
            undo: format!("UPDATE journal_entries SET amount = amount - 5 WHERE {deposit}"),
            broken: vec![
                (ASSET, "the journal".to_owned()),
                (TRANSFER, transfer.to_string()),
                (BALANCE, holder.id.to_string()),
            ],
        },
        // Entries that cancel out over two transfers, but in neither.
        Plant {
            plant: format!("UPDATE journal_entries SET transfer_id = {moved} WHERE {deposit}"),
            undo: format!("UPDATE journal_entries SET transfer_id = {stored} WHERE {deposit}"),
            broken: vec![
                (TRANSFER, transfer.to_string()),
                (TRANSFER, other_transfer.to_string()),
            ],
        },
        Plant {
            plant: format!("UPDATE accounts SET available = available + 1 WHERE id = {empty}"),
            undo: format!("UPDATE accounts SET available = available - 1 WHERE id = {empty}"),
            broken: vec![(BALANCE, other.id.to_string())],
        },
        Plant {
            plant: format!("UPDATE accounts SET available = -7 WHERE id = {empty}"),
            undo: format!("UPDATE accounts SET available = 1000000000 WHERE id = {empty}"),
            broken: vec![
                (BALANCE, other.id.to_string()),
                (NEGATIVE, other.id.to_string()),
            ],
        },
        Plant {
            plant: format!(
                "UPDATE accounts SET held = held - 1, available = available + 1 WHERE id = {account}"
            ),
            undo: format!(
                "UPDATE accounts SET held = held + 1, available = available - 1 WHERE id = {account}"
            ),
            broken: vec![
                (BALANCE, holder.id.to_string()),
                (BALANCE, holder.id.to_string()),
                (ESCROW, holder.id.to_string()),
            ],
        },
        Plant {
            plant: format!("UPDATE accounts SET held = -1 WHERE id = {empty}"),
            undo: format!("UPDATE accounts SET held = 0 WHERE id = {empty}"),
            broken: vec![
                (BALANCE, other.id.to_string()),
                (NEGATIVE, other.id.to_string()),
                (ESCROW, other.id.to_string()),
            ],
        },
        Plant {
            plant: format!("UPDATE offers SET amount = amount + 1 WHERE id = {offer}"),
            undo: format!("UPDATE offers SET amount = amount - 1 WHERE id = {offer}"),
            broken: vec![
                (ESCROW, holder.id.to_string()),
                (FROZEN, stall.listing.id.to_string()),
            ],
        },
        // Escrow of an asset in which the holder has no account.
        Plant {
            plant: format!("UPDATE offers SET asset = 'ETH' WHERE id = {offer}"),
            undo: format!("UPDATE offers SET asset = 'USDT' WHERE id = {offer}"),
            broken: vec![
                (ESCROW, holder.id.to_string()),
                (ESCROW, stall.exchanger.user.to_string()),
            ],
        },
        Plant {
            plant: format!("UPDATE listings SET remaining = remaining + 1 WHERE id = {listing}"),
            undo: format!("UPDATE listings SET remaining = remaining - 1 WHERE id = {listing}"),
            broken: vec![(LISTING, stall.listing.id.to_string())],
        },
        Plant {
            plant: format!(
                "UPDATE listings SET remaining = 9223372036854775807, executed = 9223372036854775807 WHERE id = {listing}"
            ),
            undo: format!(
                "UPDATE listings SET remaining = 950000000, executed = 0 WHERE id = {listing}"
            ),
            broken: vec![(LISTING, stall.listing.id.to_string())],
        },
        Plant {
            plant: format!(
                "UPDATE listings SET remaining = remaining + 9, executed = executed - 9 WHERE id = {listing}"
            ),
            undo: format!(
                "UPDATE listings SET remaining = remaining - 9, executed = executed + 9 WHERE id = {listing}"
            ),
            broken: vec![(LISTING, stall.listing.id.to_string())],
        },
        Plant {
            plant: format!(
                "UPDATE listings SET remaining = remaining - 1, frozen = frozen + 1 WHERE id = {listing}"
            ),
            undo: format!(
                "UPDATE listings SET remaining = remaining + 1, frozen = frozen - 1 WHERE id = {listing}"
            ),
            broken: vec![(FROZEN, stall.listing.id.to_string())],
        },
        Plant {
            plant: format!("UPDATE offers SET version = version + 1 WHERE id = {offer}"),
            undo: format!("UPDATE offers SET version = version - 1 WHERE id = {offer}"),
            broken: vec![(HISTORY, open.id.to_string())],
        },
        // As many steps as the version says, but not those.
        Plant {
            plant: format!(
                "UPDATE offer_history SET version = 3 WHERE offer_id = {offer} AND version = 1"
            ),
            undo: format!(
                "UPDATE offer_history SET version = 1 WHERE offer_id = {offer} AND version = 3"
            ),
            broken: vec![(HISTORY, open.id.to_string())],
        },
        Plant {
            plant: format!(
                "UPDATE offer_history SET status = 'CANCELLED' WHERE offer_id = {offer} AND version = 2"
            ),
            undo: format!(
                "UPDATE offer_history SET status = 'APPROVED' WHERE offer_id = {offer} AND version = 2"
            ),
            broken: vec![(STATUS, open.id.to_string())],
        },
        Plant {
            plant: format!(
                "UPDATE offers SET status = 'CANCELLED', closed_at = 1, deadline = NULL WHERE id = {offer}"
            ),
            undo: format!(
                "UPDATE offers SET status = 'APPROVED', closed_at = NULL, deadline = 1 WHERE id = {offer}"
            ),
            broken: vec![
                (ESCROW, holder.id.to_string()),
                (FROZEN, stall.listing.id.to_string()),
                (STATUS, open.id.to_string()),
            ],
        },
    ];
    plant_each(&database, &raw, plants).await?;
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// Each by itself: exactly what it breaks is found, and nothing once it is taken back.
async fn plant_each(
    database: &Database,
    raw: &DatabaseConnection,
    plants: impl IntoIterator<Item = Plant>,
) -> Result<()> {
    for Plant {
        plant,
        undo,
        mut broken,
    } in plants
    {
        assert_eq!(sql(raw, &plant).await?, 1, "{plant}");
        let found = database.audit().await?.violations;
        let mut found_rows: Vec<_> = found
            .iter()
            .map(|violation| (violation.law, violation.row.clone()))
            .collect();
        found_rows.sort_unstable();
        broken.sort_unstable();
        assert_eq!(found_rows, broken, "{plant}: {found:#?}");
        assert_eq!(sql(raw, &undo).await?, 1, "{undo}");
        assert_eq!(database.audit().await?.violations, Vec::new(), "{undo}");
    }
    Ok(())
}

/// An order that the customer has paid to the exchanger, and a withdrawal that waits.
async fn paid_and_waiting(database: &Database) -> (Stall, Order, Payment, Withdrawal) {
    let mut stall = Stall::open(database).await;
    let (buyer, seller) = (stall.customer.id, stall.exchanger.user);
    let purchase = Purchase {
        user: buyer,
        merchant: Some(seller),
        amount: usdt(70),
        description: String::new(),
    };
    let (order, _) = Order::create(fresh(), purchase, NOW).unwrap();
    let (payer, payee) = (&mut stall.customer_account, &mut stall.exchanger_account);
    let versions = [payer.version, payee.version];
    let terms = PaymentTerms {
        payer: Some(payer.id),
        payee: Some(payee.id),
        amount: usdt(70),
        description: String::new(),
    };
    let payment = Payment::process(fresh(), PaymentOrigin::Order(order.id), terms, None, NOW);
    let posting = Posting::payment(payment.id, payer.key, payee.key, usdt(70)).unwrap();
    let paid = post(posting, &mut [&mut *payer, &mut *payee]);
    let order = order.settle(PaymentResult::Paid(payment.id), NOW);
    let step = Withdrawal::request(fresh(), buyer, usdt(30), String::new(), NOW).unwrap();
    let held = post(step.posting, &mut [&mut *payer]);
    let changes = ChangeSet {
        accounts: vec![changed(*payer, versions[0]), changed(*payee, versions[1])],
        transfers: vec![paid, held],
        orders: vec![new(order.clone())],
        payments: vec![new(payment.clone())],
        withdrawals: vec![new(step.withdrawal.clone())],
        ..ChangeSet::default()
    };
    commit(database, &changes).await.unwrap();
    (stall, order, payment, step.withdrawal)
}

async fn each_broken_law_of_payments_is_found(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let (stall, order, payment, withdrawal) = paid_and_waiting(&database).await;
    assert_eq!(database.audit().await?.violations, Vec::new());
    let raw = test.raw().await?;
    unguard(&test, &raw).await?;
    let account = stall.customer_account.id;
    let (row, other) = (
        literal(&test, order.id),
        literal::<p2p_domain::PaymentId>(&test, fresh()),
    );
    let paid = literal(&test, payment.id);
    let (broken_payment, broken_order) = (payment.id.to_string(), order.id.to_string());
    let waiting = withdrawal.id.to_string();
    let plant = |plant: &str, undo: &str, broken: &[(&'static str, &str)]| Plant {
        plant: plant.to_owned(),
        undo: undo.to_owned(),
        broken: broken
            .iter()
            .map(|(law, row)| (*law, (*row).to_owned()))
            .collect(),
    };
    let refund = |status: &str, by: &str, at: &str| {
        format!("UPDATE payments SET status = '{status}', refunded_by = {by}, refunded_at = {at}")
    };
    let decline = |status: &str, decline: &str| {
        format!("UPDATE payments SET status = '{status}', decline = {decline}")
    };
    let decide = |status: &str, by: &str, at: &str, note: &str| {
        format!(
            "UPDATE withdrawals SET status = '{status}', decided_by = {by}, decided_at = {at}, note = {note}"
        )
    };
    let plants = [
        plant(
            "UPDATE payments SET amount = amount + 1",
            "UPDATE payments SET amount = amount - 1",
            // On both sides.
            &[
                (PAYMENT, &broken_payment),
                (PAYMENT, &broken_payment),
                (ORDER, &broken_order),
            ],
        ),
        plant(
            "UPDATE payments SET asset = 'USDC'",
            "UPDATE payments SET asset = 'USDT'",
            // What is there, and what should be, on both sides.
            &[
                (PAYMENT, &broken_payment),
                (PAYMENT, &broken_payment),
                (PAYMENT, &broken_payment),
                (PAYMENT, &broken_payment),
                (ORDER, &broken_order),
            ],
        ),
        plant(
            &decline("DECLINED", "'INSUFFICIENT_FUNDS'"),
            &decline("AUTHORIZED", "NULL"),
            &[
                (PAYMENT, &broken_payment),
                (PAYMENT, &broken_payment),
                (ORDER, &broken_order),
            ],
        ),
        plant(
            &refund("REFUNDED", &row, "1"),
            &refund("AUTHORIZED", "NULL", "NULL"),
            &[(PAYMENT, &broken_payment), (PAYMENT, &broken_payment)],
        ),
        plant(
            &format!("UPDATE orders SET payment_id = {other}"),
            &format!("UPDATE orders SET payment_id = {paid}"),
            &[(ORDER, &broken_order)],
        ),
        plant(
            "UPDATE orders SET refunded_at = 1",
            "UPDATE orders SET refunded_at = NULL",
            &[(ORDER, &broken_order)],
        ),
        plant(
            "UPDATE orders SET status = 'CANCELLED', payment_id = NULL, reason = 'INSUFFICIENT_FUNDS'",
            &format!("UPDATE orders SET status = 'FINISHED', payment_id = {paid}, reason = NULL"),
            &[(ORDER, &broken_order)],
        ),
        plant(
            "UPDATE withdrawals SET amount = amount + 1",
            "UPDATE withdrawals SET amount = amount - 1",
            &[
                (ESCROW, &account.to_string()),
                (WITHDRAWAL, &waiting),
                (WITHDRAWAL, &waiting),
            ],
        ),
        plant(
            &decide("APPROVED", &row, "1", "'x'"),
            &decide("REQUESTED", "NULL", "NULL", "NULL"),
            &[
                (ESCROW, &account.to_string()),
                (WITHDRAWAL, &waiting),
                (WITHDRAWAL, &waiting),
            ],
        ),
        plant(
            &decide("REJECTED", &row, "1", "'x'"),
            &decide("REQUESTED", "NULL", "NULL", "NULL"),
            &[
                (ESCROW, &account.to_string()),
                (WITHDRAWAL, &waiting),
                (WITHDRAWAL, &waiting),
            ],
        ),
    ];
    plant_each(&database, &raw, plants).await?;
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// Entries that no 64 bits can add up, positive and negative.
async fn sums_beyond_64_bits_are_exact(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let stall = Stall::open(&database).await;
    let raw = test.raw().await?;
    for (account, amount) in [
        (stall.customer_account.id, i64::MAX),
        (stall.exchanger_account.id, i64::MIN),
    ] {
        for _ in 0..5 {
            sql(
                &raw,
                &format!(
                    "INSERT INTO journal_entries (account_id, transfer_id, bucket, amount, kind, staff_id, posted_at) \
                     VALUES ({0}, {1}, 'HELD', {amount}, 'DEPOSIT', {0}, 1)",
                    literal(&test, account),
                    literal::<p2p_domain::TransferId>(&test, fresh()),
                ),
            )
            .await?;
        }
    }
    let found = database.audit().await?.violations;
    let details = |law: &str| -> Vec<&str> {
        found
            .iter()
            .filter(|violation| violation.law == law)
            .map(|violation| violation.detail.as_str())
            .collect()
    };
    assert_eq!(
        details(ASSET),
        vec!["USDT: the entries sum to -5, they should sum to 0"]
    );
    let mut balances = details(BALANCE);
    balances.sort_unstable();
    assert_eq!(
        balances,
        vec![
            format!(
                "USDT held: the balance is 0, its entries sum to {}",
                i128::from(i64::MIN) * 5
            ),
            format!(
                "USDT held: the balance is 0, its entries sum to {}",
                i128::from(i64::MAX) * 5
            ),
        ]
    );
    assert_eq!(details(TRANSFER).len(), 10);
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

async fn at_most_a_hundred_of_each_law_are_listed(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let stall = Stall::open(&database).await;
    let raw = test.raw().await?;
    for _ in 0..130 {
        sql(
            &raw,
            &format!(
                "INSERT INTO journal_entries (account_id, transfer_id, bucket, amount, kind, staff_id, posted_at) \
                 VALUES ({0}, {1}, 'AVAILABLE', 1, 'DEPOSIT', {0}, 1)",
                literal(&test, stall.customer_account.id),
                literal::<p2p_domain::TransferId>(&test, fresh()),
            ),
        )
        .await?;
    }
    let found = database.audit().await?.violations;
    let of = |law: &str| found.iter().filter(|one| one.law == law).count();
    assert_eq!((of(TRANSFER), of(BALANCE), of(ASSET)), (100, 1, 1));
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// Deals are made while the audit looks: it sees each as a whole or not at all.
async fn the_audit_sees_one_moment(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let writer = {
        let database = test.open().await?;
        tokio::spawn(async move {
            for _ in 0..150 {
                let (offer, changes) = stall.offer(1_000_000);
                commit(&database, &changes).await.unwrap();
                let (_, changes) = stall.decline(offer);
                commit(&database, &changes).await.unwrap();
            }
            database.close().await.unwrap();
        })
    };
    let mut seen = Vec::<u64>::new();
    while !writer.is_finished() {
        let report = database.audit().await?;
        assert_eq!(report.violations, Vec::<Violation>::new());
        seen.push(report.entries);
    }
    writer.await?;
    seen.dedup();
    assert!(
        seen.len() > 2,
        "the audit never ran beside the deals: {seen:?}"
    );
    database.close().await?;
    test.drop_now().await
}
