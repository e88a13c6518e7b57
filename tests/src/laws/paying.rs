//! Orders, payments and withdrawals made by hand, as the market would make them.

use p2p_application::ports::ChangeSet;
use p2p_domain::order::PaymentResult;
use p2p_domain::payment::{PaymentOrigin, PaymentTerms};
use p2p_domain::purchase::Purchase;
use p2p_domain::user::Caller;
use p2p_domain::{
    Account, AccountKey, Asset, Decline, Money, Order, Payment, Posting, TypedId, UserId,
    Withdrawal,
};

use super::rows::{booking, changed, commit, new};
use crate::harness::{Harness, Storage};

/// Whole roubles.
pub(super) const fn roubles(count: i64) -> Money {
    Money::new(count * 100, Asset::Rub)
}

/// An account as it stands.
pub(super) async fn account<S: Storage>(harness: &Harness<S>, key: AccountKey) -> Account {
    let mut unit = harness.store.begin().await.unwrap();
    let mut found = unit.load_by_key::<Account>(&[key]).await.unwrap();
    unit.rollback().await.unwrap();
    found.remove(0)
}

/// The accounts of a buyer and of the shop.
pub(super) async fn sides<S: Storage>(harness: &Harness<S>, buyer: Caller) -> [Account; 2] {
    let keys = [
        AccountKey::user(buyer.user, Asset::Rub),
        AccountKey::merchant(None, Asset::Rub),
    ];
    [
        account(harness, keys[0]).await,
        account(harness, keys[1]).await,
    ]
}

/// A new order at the shop, not stored yet.
pub(super) fn order<S: Storage>(harness: &Harness<S>, buyer: Caller, amount: Money) -> Order {
    let purchase = Purchase {
        user: buyer.user,
        merchant: None,
        amount,
        description: "ёлка \"x\" 'y'\n🦀".to_owned(),
    };
    let (order, _) = Order::create(harness.market.fresh(), purchase, harness.market.now()).unwrap();
    order
}

/// What a user asks for under a key.
pub(super) fn asked(user: u128, key: &str) -> PaymentOrigin {
    PaymentOrigin::Caller {
        user: UserId::from_u128(user),
        key: key.to_owned(),
    }
}

/// A payment with its outcome, not stored yet.
pub(super) fn payment<S: Storage>(
    harness: &Harness<S>,
    origin: PaymentOrigin,
    sides: [Option<&Account>; 2],
    amount: Money,
    decline: Option<Decline>,
) -> Payment {
    let [payer, payee] = sides.map(|side| side.map(|account| account.id));
    let terms = PaymentTerms {
        payer,
        payee,
        amount,
        description: "a kettle".to_owned(),
    };
    let (id, now) = (harness.market.fresh(), harness.market.now());
    Payment::process(id, origin, terms, decline, now)
}

/// Merges changes that share no row.
pub(super) fn together(mut one: ChangeSet, other: ChangeSet) -> ChangeSet {
    one.accounts.extend(other.accounts);
    one.transfers.extend(other.transfers);
    one.orders.extend(other.orders);
    one.payments.extend(other.payments);
    one.withdrawals.extend(other.withdrawals);
    one
}

/// An order that is paid for: the order, finished, and its payment.
pub(super) async fn bought<S: Storage>(
    harness: &Harness<S>,
    buyer: Caller,
    amount: Money,
) -> (Order, Payment) {
    let order = order(harness, buyer, amount);
    let [payer, payee] = sides(harness, buyer).await;
    let origin = PaymentOrigin::Order(order.id);
    let payment = payment(harness, origin, [Some(&payer), Some(&payee)], amount, None);
    let order = order.settle(PaymentResult::Paid(payment.id), harness.market.now());
    let posting = Posting::payment(payment.id, payer.key, payee.key, amount).unwrap();
    let rows = ChangeSet {
        orders: vec![new(order.clone())],
        payments: vec![new(payment.clone())],
        ..ChangeSet::default()
    };
    let changes = together(booking(harness, posting, &[payer, payee]), rows);
    commit(&harness.store, &changes).await.unwrap();
    (order, payment)
}

/// What refunding a payment of the shop's changes.
pub(super) async fn refunding<S: Storage>(
    harness: &Harness<S>,
    buyer: Caller,
    payment: &Payment,
) -> ChangeSet {
    let [payer, payee] = sides(harness, buyer).await;
    let refunded = payment
        .clone()
        .refund(harness.admin.user, harness.market.now());
    let refunded = refunded.unwrap().unwrap();
    let amount = payment.terms.amount;
    let posting = Posting::refund(payment.id, payer.key, payee.key, amount).unwrap();
    let rows = ChangeSet {
        payments: vec![changed(refunded, payment.version)],
        ..ChangeSet::default()
    };
    together(booking(harness, posting, &[payer, payee]), rows)
}

/// A withdrawal that somebody has requested, and what requesting it changes.
pub(super) async fn requesting<S: Storage>(
    harness: &Harness<S>,
    owner: Caller,
    amount: Money,
) -> (Withdrawal, ChangeSet) {
    let (id, now) = (harness.market.fresh(), harness.market.now());
    let words = "the other wallet 🦀".to_owned();
    let step = Withdrawal::request(id, owner.user, amount, words, now).unwrap();
    let own = account(harness, AccountKey::user(owner.user, amount.asset())).await;
    let rows = ChangeSet {
        withdrawals: vec![new(step.withdrawal.clone())],
        ..ChangeSet::default()
    };
    let changes = together(booking(harness, step.posting, &[own]), rows);
    (step.withdrawal, changes)
}

/// A withdrawal as it is decided, and what deciding it changes.
pub(super) async fn deciding<S: Storage>(
    harness: &Harness<S>,
    withdrawal: &Withdrawal,
    approved: bool,
) -> (Withdrawal, ChangeSet) {
    let (by, now) = (harness.admin.user, harness.market.now());
    let (before, words) = (withdrawal.clone(), "wire \"7\"".to_owned());
    let step = match approved {
        true => before.approve(by, words, now),
        false => before.reject(by, words, now),
    };
    let step = step.unwrap();
    let asset = withdrawal.amount.asset();
    let accounts = [
        account(harness, AccountKey::user(withdrawal.user, asset)).await,
        account(harness, AccountKey::external(asset)).await,
    ];
    let moved: Vec<Account> = accounts
        .into_iter()
        .filter(|account| step.posting.accounts().contains(&account.key))
        .collect();
    let rows = ChangeSet {
        withdrawals: vec![changed(step.withdrawal.clone(), withdrawal.version)],
        ..ChangeSet::default()
    };
    let changes = together(booking(harness, step.posting, &moved), rows);
    (step.withdrawal, changes)
}
