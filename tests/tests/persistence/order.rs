//! Orders, payments, withdrawals and answers as rows: impossible ones are noticed, large batches fit one commit.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use crate::common::*;
use anyhow::Result;
use p2p_application::ports::{
    ChangeSet, IdempotencyKey, IdempotencyRecord, Maintenance, Reply, StorageError, Store,
};
use p2p_application::wallet::{StatementFilter, WalletQueries};
use p2p_domain::payment::{PaymentOrigin, PaymentTerms};
use p2p_domain::purchase::Purchase;
use p2p_domain::{Decline, Order, OrderId, Payment, Posting, Withdrawal};
use p2p_persistence::{Database, DatabaseSettings};
use p2p_tests::databases::TestDatabase;

on_both! {
    a_row_that_cannot_be_is_corrupt
    a_large_batch_of_orders_is_one_commit
}

fn order(stall: &Stall) -> Order {
    let purchase = Purchase {
        user: stall.customer.id,
        merchant: None,
        amount: usdt(70),
        description: "a kettle".to_owned(),
    };
    Order::create(fresh(), purchase, NOW).unwrap().0
}

fn payment(stall: &Stall, origin: PaymentOrigin, decline: Option<Decline>) -> Payment {
    let terms = PaymentTerms {
        payer: Some(stall.customer_account.id),
        payee: Some(stall.exchanger_account.id),
        amount: usdt(70),
        description: String::new(),
    };
    Payment::process(fresh(), origin, terms, decline, NOW)
}

fn record(key: String) -> IdempotencyRecord {
    IdempotencyRecord {
        key: IdempotencyKey {
            caller: 7,
            operation: "POST /api/orders".to_owned(),
            key,
        },
        fingerprint: 9,
        reply: Reply {
            tag: 201,
            body: b"{}".to_vec(),
        },
        at: NOW,
    }
}

/// One row of each, with money on its way.
struct Rows {
    order: Order,
    payment: Payment,
    withdrawal: Withdrawal,
    record: IdempotencyRecord,
}

async fn one_of_each(database: &Database, stall: &mut Stall) -> Rows {
    let order = order(stall);
    let payment = payment(stall, PaymentOrigin::Order(order.id), None);
    let withdrawal = Withdrawal::request(fresh(), stall.customer.id, usdt(30), String::new(), NOW);
    let step = withdrawal.unwrap();
    let (payer, payee) = (&mut stall.customer_account, &mut stall.exchanger_account);
    let versions = [payer.version, payee.version];
    let posting = Posting::payment(payment.id, payer.key, payee.key, usdt(70)).unwrap();
    let transfers = vec![
        post(posting, &mut [&mut *payer, &mut *payee]),
        post(step.posting, &mut [&mut *payer]),
    ];
    let rows = Rows {
        order,
        payment,
        withdrawal: step.withdrawal,
        record: record("key".to_owned()),
    };
    let changes = ChangeSet {
        accounts: vec![changed(*payer, versions[0]), changed(*payee, versions[1])],
        transfers,
        orders: vec![new(rows.order.clone())],
        payments: vec![new(rows.payment.clone())],
        withdrawals: vec![new(rows.withdrawal.clone())],
        replies: vec![rows.record.clone()],
        ..ChangeSet::default()
    };
    commit(database, &changes).await.unwrap();
    rows
}

async fn a_row_that_cannot_be_is_corrupt(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let rows = one_of_each(&database, &mut stall).await;
    let raw = test.raw().await?;
    unguard(&test, &raw).await?;
    let id = literal::<OrderId>(&test, fresh());
    let at_payment = "kind = 'PAYMENT'";
    for (table, which, change) in [
        ("orders", "", "asset = 'DOGE'".to_owned()),
        ("orders", "", "amount = 0".to_owned()),
        ("orders", "", "status = 'LOST'".to_owned()),
        ("orders", "", "status = 'FINISHED'".to_owned()),
        ("orders", "", "status = 'CANCELLED'".to_owned()),
        ("orders", "", format!("payment_id = {id}")),
        ("orders", "", "reason = 'BORED'".to_owned()),
        ("orders", "", "settled_at = 1".to_owned()),
        ("orders", "", "refunded_at = 1".to_owned()),
        (
            "orders",
            "",
            "status = 'CANCELLED', settled_at = 1, reason = 'BORED'".to_owned(),
        ),
        ("orders", "", "version = 0".to_owned()),
        ("payments", "", "asset = 'DOGE'".to_owned()),
        ("payments", "", "status = 'LOST'".to_owned()),
        ("payments", "", "status = 'DECLINED'".to_owned()),
        ("payments", "", "status = 'REFUNDED'".to_owned()),
        ("payments", "", "decline = 'RATE_LIMITED'".to_owned()),
        ("payments", "", "refunded_at = 1".to_owned()),
        ("payments", "", format!("caller_id = {id}")),
        ("payments", "", "version = -1".to_owned()),
        ("withdrawals", "", "asset = 'DOGE'".to_owned()),
        ("withdrawals", "", "amount = -1".to_owned()),
        ("withdrawals", "", "status = 'LOST'".to_owned()),
        ("withdrawals", "", "status = 'APPROVED'".to_owned()),
        ("withdrawals", "", "note = 'x'".to_owned()),
        ("withdrawals", "", "version = 0".to_owned()),
        ("idempotency_keys", "", "tag = -1".to_owned()),
        (
            "journal_entries",
            at_payment,
            "subject_id = NULL".to_owned(),
        ),
        ("journal_entries", at_payment, format!("staff_id = {id}")),
        ("journal_entries", at_payment, "kind = 'HOLD'".to_owned()),
    ] {
        let which = if which.is_empty() {
            String::new()
        } else {
            format!(" WHERE {which}")
        };
        sql(&raw, &format!("CREATE TABLE kept AS SELECT * FROM {table}")).await?;
        sql(&raw, &format!("UPDATE {table} SET {change}{which}")).await?;
        let outcome = read(&database, &stall, &rows, table).await;
        let Err(StorageError::Corrupt { table: named, .. }) = outcome else {
            panic!("{table} {change}: {outcome:?}");
        };
        assert_eq!(named, table, "{change}");
        sql(&raw, &format!("DELETE FROM {table}")).await?;
        sql(&raw, &format!("INSERT INTO {table} SELECT * FROM kept")).await?;
        sql(&raw, "DROP TABLE kept").await?;
        read(&database, &stall, &rows, table).await?;
    }
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// Reads the row of this table, as a unit of work or a query.
async fn read(
    database: &Database,
    stall: &Stall,
    rows: &Rows,
    table: &str,
) -> Result<(), StorageError> {
    let mut unit = database.begin().await?;
    let outcome = match table {
        "orders" => unit
            .load_by_key::<Order>(&[rows.order.id])
            .await
            .map(|_| ()),
        "payments" => {
            let origin = rows.payment.origin.clone();
            unit.load_by_key::<Payment>(&[origin]).await.map(|_| ())
        }
        "withdrawals" => {
            let id = rows.withdrawal.id;
            unit.load_by_key::<Withdrawal>(&[id]).await.map(|_| ())
        }
        "idempotency_keys" => {
            let key = rows.record.key.clone();
            unit.replies(&[key]).await.map(|_| ())
        }
        _ => {
            let filter = StatementFilter {
                user: stall.customer.id,
                asset: None,
                after: None,
                limit: 10,
            };
            database.statement(&filter).await.map(|_| ())
        }
    };
    unit.rollback().await?;
    outcome
}

async fn a_large_batch_of_orders_is_one_commit(test: TestDatabase) -> Result<()> {
    large_batch(test.open().await?).await?;
    test.drop_now().await
}

/// The same where a connection may be encrypted: there, statements come in portions.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_batch_of_orders_is_one_commit_over_tls() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let separator = if test.url().contains('?') { '&' } else { '?' };
    let settings = DatabaseSettings {
        url: format!("{}{separator}sslmode=prefer", test.url()),
        ..test.settings()
    };
    large_batch(Database::open(&settings).await?).await?;
    test.drop_now().await
}

/// More rows than either database can bind one by one, then all of them found again and changed.
async fn large_batch(database: Database) -> Result<()> {
    const MANY: usize = 3_000;
    let stall = Stall::open(&database).await;
    let decline = Some(Decline::InsufficientFunds);
    let mut changes = ChangeSet::default();
    for nth in 0..MANY {
        let order = order(&stall);
        let asked = PaymentOrigin::Caller {
            user: stall.customer.id,
            key: format!("{nth:0100}"),
        };
        for origin in [PaymentOrigin::Order(order.id), asked] {
            changes.payments.push(new(payment(&stall, origin, decline)));
        }
        changes.orders.push(new(order));
        changes.replies.push(record(format!("{nth:0200}")));
    }
    commit(&database, &changes).await?;

    let mut unit = database.begin().await?;
    let keys: Vec<_> = changes.replies.iter().map(|one| one.key.clone()).collect();
    assert_eq!(unit.replies(&keys).await?.len(), MANY);
    let mut ids: Vec<OrderId> = changes.orders.iter().map(|one| one.value.id).collect();
    ids.sort_unstable();
    let orders = unit.load_by_key::<Order>(&ids).await?;
    let mut origins: Vec<PaymentOrigin> = changes
        .payments
        .iter()
        .map(|one| one.value.origin.clone())
        .collect();
    origins.sort_unstable();
    let payments = unit.load_by_key::<Payment>(&origins).await?;
    assert_eq!((orders.len(), payments.len()), (MANY, 2 * MANY));
    // In the order in which they are asked for, whatever way leads to them.
    let locked: Vec<_> = payments.iter().map(|one| one.origin.clone()).collect();
    assert_eq!(locked, origins);

    let settled = orders.into_iter().map(|order| {
        let result = p2p_domain::order::PaymentResult::Declined(Decline::InsufficientFunds);
        changed(order.settle(result, NOW), 1)
    });
    let again = payments.into_iter().map(|payment| {
        let later = Payment {
            version: 2,
            ..payment
        };
        changed(later, 1)
    });
    let changes = ChangeSet {
        orders: settled.collect(),
        payments: again.collect(),
        ..ChangeSet::default()
    };
    unit.commit(&changes).await?;
    assert_eq!(database.audit().await?.violations, Vec::new());
    Ok(database.close().await?)
}
