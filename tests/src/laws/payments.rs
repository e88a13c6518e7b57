//! Payments: one for each reason to pay, kept as they were.

use std::sync::Arc;

use p2p_application::order::OrderQueries;
use p2p_application::payment::PaymentQueries;
use p2p_application::payment_report::{ReceivePayment, ReportedPayment};
use p2p_application::ports::{ChangeSet, StorageError, Store, Versioned};
use p2p_application::wallet::{StatementFilter, WalletQueries};
use p2p_domain::ledger::{Bucket, PostingKind, Reference};
use p2p_domain::payment::{PaymentOrigin, PaymentState};
use p2p_domain::{
    Account, AccountId, AccountKey, Asset, Decline, Money, OrderId, Payment, PaymentId, Posting,
    TypedId, UserId,
};
use tokio::sync::Barrier;

use super::Backend;
use super::paying::{
    account, asked, bought, deciding, order, payment, refunding, requesting, roubles, sides,
    together,
};
use super::rows::{assert_conflict, booking, changed, commit, new};
use crate::harness::{Harness, START, Storage};

/// The accounts in roubles of two people.
async fn accounts<S: Storage>(harness: &Harness<S>) -> [Account; 2] {
    let buyer = harness.customer("anna").await;
    sides(harness, buyer).await
}

fn rows(payments: &[Payment]) -> ChangeSet {
    ChangeSet {
        payments: payments.iter().cloned().map(new).collect(),
        ..ChangeSet::default()
    }
}

async fn found<S: Storage>(store: &S, origins: &[PaymentOrigin]) -> Vec<Payment> {
    let mut origins = origins.to_vec();
    origins.sort_unstable();
    let mut unit = store.begin().await.unwrap();
    let mut found = unit.load_by_key::<Payment>(&origins).await.unwrap();
    unit.rollback().await.unwrap();
    found.sort_unstable_by_key(|payment| payment.id);
    found
}

/// Made, declined for every reason, or refunded; whatever was asked for.
pub async fn a_payment_is_kept_as_it_was_in_every_state<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let [payer, payee] = accounts(&harness).await;
    let both = [Some(&payer), Some(&payee)];
    let mut payments = Vec::new();
    let amounts = [i64::MAX, 0, -1, i64::MIN];
    for (nth, decline) in Decline::ALL.iter().enumerate() {
        let origin = PaymentOrigin::Order(harness.market.fresh());
        let amount = Money::new(amounts[nth % 4], Asset::Btc);
        let sides = [both, [None, Some(&payee)], [None, None]][nth % 3];
        payments.push(payment(&harness, origin, sides, amount, Some(*decline)));
    }
    let huge = Money::new(i64::MAX, Asset::Btc);
    for origin in [
        asked(1, "ёлка 🦀"),
        PaymentOrigin::Order(harness.market.fresh()),
    ] {
        payments.push(payment(&harness, origin, both, huge, None));
    }
    commit(&harness.store, &rows(&payments)).await.unwrap();
    let last = payments.last_mut().unwrap();
    let by = UserId::from_u128(u128::MAX);
    last.state = PaymentState::Refunded { by, at: START };
    last.version = 2;
    let changes = ChangeSet {
        payments: vec![changed(last.clone(), 1)],
        ..ChangeSet::default()
    };
    harness.store.commit(&changes).await.unwrap();

    let origins: Vec<_> = payments.iter().map(|one| one.origin.clone()).collect();
    assert_eq!(found(&harness.store, &origins).await, payments);
    for payment in payments {
        let by_id = harness.store.find_payment(payment.id).await.unwrap();
        assert_eq!(by_id, Some(payment));
    }
    let nothing = PaymentId::from_u128(u128::MAX);
    let none = harness.store.find_payment(nothing).await.unwrap();
    assert_eq!(none, None);
    harness.end().await;
}

/// By orders and by callers' keys at once; odd keys are told apart, and what names nothing is left out.
pub async fn payments_are_found_by_their_reasons<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let [payer, payee] = accounts(&harness).await;
    let origins = [
        PaymentOrigin::Order(harness.market.fresh()),
        PaymentOrigin::Order(harness.market.fresh()),
        asked(1, "a"),
        asked(1, "A"),
        asked(1, "a "),
        asked(1, ""),
        asked(2, "a"),
    ];
    let decline = Some(Decline::InsufficientFunds);
    let payments: Vec<Payment> = origins
        .iter()
        .map(|origin| {
            let both = [Some(&payer), Some(&payee)];
            payment(&harness, origin.clone(), both, roubles(5), decline)
        })
        .collect();
    commit(&harness.store, &rows(&payments)).await.unwrap();
    for (origin, payment) in origins.iter().zip(&payments) {
        let one = found(&harness.store, std::slice::from_ref(origin)).await;
        assert_eq!(one, std::slice::from_ref(payment));
    }
    let mut wanted = origins.to_vec();
    let nothing = [
        PaymentOrigin::Order(OrderId::from_u128(u128::MAX)),
        asked(2, "A"),
        asked(1, "a\0"),
        asked(3, "a"),
    ];
    assert_eq!(found(&harness.store, &nothing).await, []);
    wanted.extend(nothing);
    assert_eq!(found(&harness.store, &wanted).await, payments);
    harness.close().await;
}

/// A second payment for the same reason is a conflict, whatever its id, and so is a second one of the same id.
pub async fn there_is_one_payment_for_each_reason<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let [payer, payee] = accounts(&harness).await;
    let decline = Some(Decline::InsufficientFunds);
    let both = [Some(&payer), Some(&payee)];
    for origin in [PaymentOrigin::Order(harness.market.fresh()), asked(1, "a")] {
        let first = payment(&harness, origin.clone(), both, roubles(5), decline);
        commit(&harness.store, &rows(std::slice::from_ref(&first)))
            .await
            .unwrap();
        let again = payment(&harness, origin.clone(), both, roubles(5), decline);
        let renamed = Payment {
            origin: PaymentOrigin::Order(harness.market.fresh()),
            ..first.clone()
        };
        let stale = ChangeSet {
            payments: vec![Versioned {
                value: first.clone(),
                expected_version: Some(9),
            }],
            ..ChangeSet::default()
        };
        for (what, changes) in [
            ("the same reason", rows(&[again])),
            ("the same id", rows(&[renamed])),
            ("another version", stale),
        ] {
            assert_conflict(what, &commit(&harness.store, &changes).await);
            assert_conflict(what, &harness.store.commit(&changes).await);
        }
        assert_eq!(found(&harness.store, &[origin]).await, [first]);
    }
    harness.close().await;
}

/// Replicas that are asked for the same payment at the same moment: the money moves once.
pub async fn replicas_pay_an_order_once<B: Backend>(backend: &B) {
    const REPLICAS: usize = 5;
    let harness = Harness::open(backend.open().await).await;
    let buyer = harness.customer("anna").await;
    harness.deposit(buyer, "100", Asset::Rub).await;
    let unpaid = order(&harness, buyer, roubles(30));
    let origin = PaymentOrigin::Order(unpaid.id);
    let start = Arc::new(Barrier::new(REPLICAS));
    let mut replicas = Vec::new();
    for _ in 0..REPLICAS {
        let store = backend.beside(&harness.store).await;
        let [payer, payee] = sides(&harness, buyer).await;
        let both = [Some(&payer), Some(&payee)];
        let payment = payment(&harness, origin.clone(), both, roubles(30), None);
        let posting = Posting::payment(payment.id, payer.key, payee.key, roubles(30)).unwrap();
        let changes = together(
            booking(&harness, posting, &[payer, payee]),
            rows(&[payment]),
        );
        let (start, origin) = (Arc::clone(&start), origin.clone());
        replicas.push(tokio::spawn(async move {
            start.wait().await;
            let mut unit = store.begin().await.unwrap();
            let known = unit.load_by_key::<Payment>(&[origin]).await.unwrap();
            if !known.is_empty() {
                unit.rollback().await.unwrap();
                return false;
            }
            match unit.commit(&changes).await {
                Ok(()) => true,
                Err(StorageError::Conflict { .. }) => false,
                Err(other) => panic!("{other:?}"),
            }
        }));
    }
    let mut paid = 0;
    for replica in replicas {
        paid += usize::from(replica.await.unwrap());
    }
    assert_eq!(paid, 1);
    assert_eq!(harness.wallet(buyer.user, Asset::Rub).await, (7_000, 0));
    harness.close().await;
}

/// Whose they are; those that are not there are left out.
pub async fn accounts_are_told_by_their_ids<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let accounts = accounts(&harness).await;
    let mut wanted: Vec<AccountId> = accounts.iter().map(|account| account.id).collect();
    wanted.push(AccountId::from_u128(u128::MAX));
    wanted.sort_unstable();
    let mut unit = harness.store.begin().await.unwrap();
    let mut told = unit.account_keys(&wanted).await.unwrap();
    unit.rollback().await.unwrap();
    told.sort_unstable();
    let mut expected: Vec<(AccountId, AccountKey)> =
        accounts.iter().map(|one| (one.id, one.key)).collect();
    expected.sort_unstable();
    assert_eq!(told, expected);
    harness.close().await;
}

/// Whosever it is, as it stands.
pub async fn an_account_is_found_by_its_id<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let buyer = harness.customer("anna").await;
    harness.deposit(buyer, "100", Asset::Rub).await;
    let (_, changes) = requesting(&harness, buyer, roubles(30)).await;
    commit(&harness.store, &changes).await.unwrap();
    let [own, shop] = sides(&harness, buyer).await;
    let outside = account(&harness, AccountKey::external(Asset::Rub)).await;
    assert_eq!(own.held(), roubles(30));
    for account in [own, shop, outside] {
        let found = harness.store.find_account(account.id).await.unwrap();
        assert_eq!(found, Some(account));
    }
    let nothing = AccountId::from_u128(u128::MAX);
    assert_eq!(harness.store.find_account(nothing).await.unwrap(), None);
    harness.close().await;
}

/// Each line of a statement names what its money moved for.
pub async fn a_statement_names_what_the_money_moved_for<B: Backend>(backend: &B) {
    use Bucket::{Available, Held};
    let harness = Harness::open(backend.open().await).await;
    let buyer = harness.customer("anna").await;
    let report = harness.market.fresh();
    let payment = ReportedPayment {
        provider: "bank".to_owned(),
        callback: "callback 1".to_owned(),
        deal_reference: buyer.user.to_string(),
        payment_reference: "SEPA 1".to_owned(),
        paid: roubles(100),
    };
    harness.done(ReceivePayment { report, payment }).await;

    let (order, paid) = bought(&harness, buyer, roubles(30)).await;
    let back = refunding(&harness, buyer, &paid).await;
    commit(&harness.store, &back).await.unwrap();
    let mut withdrawals = Vec::new();
    for approved in [true, false] {
        let (requested, changes) = requesting(&harness, buyer, roubles(1)).await;
        commit(&harness.store, &changes).await.unwrap();
        let (_, changes) = deciding(&harness, &requested, approved).await;
        commit(&harness.store, &changes).await.unwrap();
        withdrawals.push(Reference::Withdrawal(requested.id));
    }
    let payment = Reference::Payment(paid.id);
    let mut expected = vec![
        (
            PostingKind::Deposit,
            Reference::Report(report),
            Available,
            10_000,
        ),
        (PostingKind::Payment, payment, Available, -3_000),
        (PostingKind::Refund, payment, Available, 3_000),
        (PostingKind::WithdrawalHold, withdrawals[0], Held, 100),
        (PostingKind::WithdrawalHold, withdrawals[0], Available, -100),
        (PostingKind::Withdrawal, withdrawals[0], Held, -100),
        (PostingKind::WithdrawalHold, withdrawals[1], Held, 100),
        (PostingKind::WithdrawalHold, withdrawals[1], Available, -100),
        (PostingKind::WithdrawalRelease, withdrawals[1], Held, -100),
        (
            PostingKind::WithdrawalRelease,
            withdrawals[1],
            Available,
            100,
        ),
    ];
    expected.reverse();
    let filter = StatementFilter {
        user: buyer.user,
        asset: None,
        after: None,
        limit: 100,
    };
    let lines = harness.store.statement(&filter).await.unwrap();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.kind, line.reference, line.bucket, line.amount.minor()))
        .collect();
    assert_eq!(told, expected);
    let kept = harness.store.find_order(order.id).await.unwrap();
    assert_eq!(kept, Some(order));
    harness.close().await;
}
