//! The audit of payments, withdrawals and orders: clean where the books are right, and whatever is wrong is found.

use p2p_application::ports::ChangeSet;
use p2p_domain::order::PaymentResult;
use p2p_domain::payment::{PaymentOrigin, PaymentState};
use p2p_domain::user::Caller;
use p2p_domain::withdrawal::WithdrawalState;
use p2p_domain::{Asset, Decline, Money, Order, Payment, Posting, Withdrawal};

use super::Backend;
use super::audit::assert_noticed;
use super::paying::{
    bought, deciding, order, payment, refunding, requesting, roubles, sides, together,
};
use super::rows::{booking, changed, commit, new};
use crate::harness::{Harness, Storage};

/// A market with a buyer who has a hundred roubles.
async fn market_with_buyer<B: Backend>(backend: &B) -> (Harness<B::Store>, Caller) {
    let harness = Harness::open(backend.open().await).await;
    let buyer = harness.customer("anna").await;
    harness.deposit(buyer, "100", Asset::Rub).await;
    (harness, buyer)
}

/// Orders, payments and withdrawals in every state.
pub async fn what_was_paid_and_withdrawn_is_clean<B: Backend>(backend: &B) {
    let (harness, buyer) = market_with_buyer(backend).await;
    let declined = order(&harness, buyer, roubles(1_000));
    let [payer, payee] = sides(&harness, buyer).await;
    let reason = Decline::InsufficientFunds;
    let refused = payment(
        &harness,
        PaymentOrigin::Order(declined.id),
        [Some(&payer), Some(&payee)],
        roubles(1_000),
        Some(reason),
    );
    let now = harness.market.now();
    let cancelled = declined.settle(PaymentResult::Declined(reason), now);
    let waiting = order(&harness, buyer, roubles(1));
    let changes = ChangeSet {
        orders: vec![new(cancelled), new(waiting)],
        payments: vec![new(refused)],
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();

    bought(&harness, buyer, roubles(10)).await;
    let (returned, paid) = bought(&harness, buyer, roubles(20)).await;
    let back = refunding(&harness, buyer, &paid).await;
    commit(&harness.store, &back).await.unwrap();
    // The order hears of it later.
    harness.assert_clean().await;
    let version = returned.version;
    let returned = returned.settle(PaymentResult::Refunded(paid.id), now);
    let changes = ChangeSet {
        orders: vec![changed(returned, version)],
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();

    for decision in [None, Some(true), Some(false)] {
        let (requested, changes) = requesting(&harness, buyer, roubles(5)).await;
        commit(&harness.store, &changes).await.unwrap();
        harness.assert_clean().await;
        if let Some(approved) = decision {
            let (_, changes) = deciding(&harness, &requested, approved).await;
            commit(&harness.store, &changes).await.unwrap();
            harness.assert_clean().await;
        }
    }
    assert_eq!(harness.wallet(buyer.user, Asset::Rub).await, (8_000, 500));
    harness.close().await;
}

/// What of a payment is wrong.
enum Wrong {
    NothingMoved,
    OtherAmount,
    Twice,
    ThoughDeclined,
    NoPayment,
}

async fn wrongly_paid<B: Backend>(backend: &B, wrong: Wrong) {
    let (harness, buyer) = market_with_buyer(backend).await;
    let [payer, payee] = sides(&harness, buyer).await;
    let decline = matches!(wrong, Wrong::ThoughDeclined).then_some(Decline::RateLimited);
    let origin = PaymentOrigin::Order(harness.market.fresh());
    let both = [Some(&payer), Some(&payee)];
    let payment = payment(&harness, origin, both, roubles(10), decline);
    let moved = |amount: Money| {
        let posting = Posting::payment(payment.id, payer.key, payee.key, amount).unwrap();
        booking(&harness, posting, &[payer, payee])
    };
    let row = || ChangeSet {
        payments: vec![new(payment.clone())],
        ..ChangeSet::default()
    };
    let changes = match wrong {
        Wrong::NothingMoved => row(),
        Wrong::OtherAmount => together(moved(roubles(9)), row()),
        Wrong::ThoughDeclined => together(moved(roubles(10)), row()),
        Wrong::NoPayment => moved(roubles(10)),
        Wrong::Twice => {
            commit(&harness.store, &together(moved(roubles(10)), row()))
                .await
                .unwrap();
            let [payer, payee] = sides(&harness, buyer).await;
            let posting = Posting::payment(payment.id, payer.key, payee.key, roubles(10));
            booking(&harness, posting.unwrap(), &[payer, payee])
        }
    };
    assert_noticed(harness, &changes).await;
}

/// A payment that is only said to be made.
pub async fn a_payment_that_moved_nothing_is_noticed<B: Backend>(backend: &B) {
    wrongly_paid(backend, Wrong::NothingMoved).await;
}

/// A payment that has moved less than it says.
pub async fn a_payment_that_moved_another_amount_is_noticed<B: Backend>(backend: &B) {
    wrongly_paid(backend, Wrong::OtherAmount).await;
}

/// A payment that was charged again.
pub async fn a_payment_that_moved_twice_is_noticed<B: Backend>(backend: &B) {
    wrongly_paid(backend, Wrong::Twice).await;
}

/// A payment that was made all the same.
pub async fn a_declined_payment_that_moved_is_noticed<B: Backend>(backend: &B) {
    wrongly_paid(backend, Wrong::ThoughDeclined).await;
}

/// Money that moved for a payment that nobody knows.
pub async fn entries_of_no_payment_are_noticed<B: Backend>(backend: &B) {
    wrongly_paid(backend, Wrong::NoPayment).await;
}

/// A payment that is only said to be refunded.
pub async fn a_refund_that_moved_nothing_is_noticed<B: Backend>(backend: &B) {
    refunded(backend, true).await;
}

/// A payment that has come back and does not say so.
pub async fn a_refund_that_is_not_told_is_noticed<B: Backend>(backend: &B) {
    refunded(backend, false).await;
}

async fn refunded<B: Backend>(backend: &B, told: bool) {
    let (harness, buyer) = market_with_buyer(backend).await;
    let (_, paid) = bought(&harness, buyer, roubles(10)).await;
    let mut changes = refunding(&harness, buyer, &paid).await;
    if told {
        changes.accounts.clear();
        changes.transfers.clear();
    } else {
        changes.payments.clear();
    }
    assert_noticed(harness, &changes).await;
}

/// Nothing is set aside for it.
pub async fn a_withdrawal_that_holds_nothing_is_noticed<B: Backend>(backend: &B) {
    let (harness, owner) = market_with_buyer(backend).await;
    let (_, mut changes) = requesting(&harness, owner, roubles(10)).await;
    changes.accounts.clear();
    changes.transfers.clear();
    assert_noticed(harness, &changes).await;
}

/// Money is set aside for a withdrawal that nobody knows.
pub async fn a_hold_for_no_withdrawal_is_noticed<B: Backend>(backend: &B) {
    let (harness, owner) = market_with_buyer(backend).await;
    let (_, mut changes) = requesting(&harness, owner, roubles(10)).await;
    changes.withdrawals.clear();
    assert_noticed(harness, &changes).await;
}

/// A decision that leaves the money where it was.
pub async fn a_decision_that_moved_nothing_is_noticed<B: Backend>(backend: &B) {
    let (harness, owner) = market_with_buyer(backend).await;
    let (requested, changes) = requesting(&harness, owner, roubles(10)).await;
    commit(&harness.store, &changes).await.unwrap();
    let (_, mut changes) = deciding(&harness, &requested, true).await;
    changes.accounts.clear();
    changes.transfers.clear();
    assert_noticed(harness, &changes).await;
}

/// The money has left, and is said to have come back.
pub async fn a_rejected_withdrawal_that_left_is_noticed<B: Backend>(backend: &B) {
    decided_otherwise(backend, true).await;
}

/// The money has come back, and is said to have left.
pub async fn an_approved_withdrawal_that_stayed_is_noticed<B: Backend>(backend: &B) {
    decided_otherwise(backend, false).await;
}

async fn decided_otherwise<B: Backend>(backend: &B, left: bool) {
    let (harness, owner) = market_with_buyer(backend).await;
    let (requested, changes) = requesting(&harness, owner, roubles(10)).await;
    commit(&harness.store, &changes).await.unwrap();
    let (decided, mut changes) = deciding(&harness, &requested, left).await;
    let state = match decided.state.clone() {
        WithdrawalState::Approved { by, at, reference } => WithdrawalState::Rejected {
            by,
            at,
            reason: reference,
        },
        WithdrawalState::Rejected { by, at, reason } => WithdrawalState::Approved {
            by,
            at,
            reference: reason,
        },
        WithdrawalState::Requested => panic!("it was decided"),
    };
    let told = Withdrawal { state, ..decided };
    changes.withdrawals = vec![changed(told, requested.version)];
    assert_noticed(harness, &changes).await;
}

/// An order and a payment that is made for it, with the money; what is told of them is up to the law.
async fn ordered<S: Storage>(
    harness: &Harness<S>,
    buyer: Caller,
    amount: Money,
) -> (Order, Payment, ChangeSet) {
    let order = order(harness, buyer, amount);
    let [payer, payee] = sides(harness, buyer).await;
    let origin = PaymentOrigin::Order(order.id);
    let payment = payment(harness, origin, [Some(&payer), Some(&payee)], amount, None);
    let posting = Posting::payment(payment.id, payer.key, payee.key, amount).unwrap();
    let rows = ChangeSet {
        payments: vec![new(payment.clone())],
        ..ChangeSet::default()
    };
    let changes = together(booking(harness, posting, &[payer, payee]), rows);
    (order, payment, changes)
}

/// An order that is finished without having been paid.
pub async fn a_finished_order_that_was_not_paid_is_noticed<B: Backend>(backend: &B) {
    let (harness, buyer) = market_with_buyer(backend).await;
    let order = order(&harness, buyer, roubles(10));
    let result = PaymentResult::Paid(harness.market.fresh());
    let order = order.settle(result, harness.market.now());
    let changes = ChangeSet {
        orders: vec![new(order)],
        ..ChangeSet::default()
    };
    assert_noticed(harness, &changes).await;
}

/// An order that names another payment than its own.
pub async fn an_order_that_names_another_payment_is_noticed<B: Backend>(backend: &B) {
    let (harness, buyer) = market_with_buyer(backend).await;
    let (order, _, mut changes) = ordered(&harness, buyer, roubles(10)).await;
    let result = PaymentResult::Paid(harness.market.fresh());
    changes
        .orders
        .push(new(order.settle(result, harness.market.now())));
    assert_noticed(harness, &changes).await;
}

/// An order that costs more than was paid.
pub async fn an_order_that_costs_another_amount_is_noticed<B: Backend>(backend: &B) {
    let (harness, buyer) = market_with_buyer(backend).await;
    let (mut order, payment, mut changes) = ordered(&harness, buyer, roubles(10)).await;
    order.purchase.amount = roubles(11);
    let result = PaymentResult::Paid(payment.id);
    changes
        .orders
        .push(new(order.settle(result, harness.market.now())));
    assert_noticed(harness, &changes).await;
}

/// An order that is refunded while its payment is not.
pub async fn an_order_that_was_not_refunded_is_noticed<B: Backend>(backend: &B) {
    let (harness, buyer) = market_with_buyer(backend).await;
    let (order, payment, mut changes) = ordered(&harness, buyer, roubles(10)).await;
    assert_eq!(payment.state, PaymentState::Authorized);
    let result = PaymentResult::Refunded(payment.id);
    changes
        .orders
        .push(new(order.settle(result, harness.market.now())));
    assert_noticed(harness, &changes).await;
}

/// An order that is cancelled though it was paid.
pub async fn a_cancelled_order_that_was_paid_is_noticed<B: Backend>(backend: &B) {
    let (harness, buyer) = market_with_buyer(backend).await;
    let (order, payment, mut changes) = ordered(&harness, buyer, roubles(10)).await;
    assert_eq!(payment.state, PaymentState::Authorized);
    let result = PaymentResult::Declined(Decline::InsufficientFunds);
    changes
        .orders
        .push(new(order.settle(result, harness.market.now())));
    assert_noticed(harness, &changes).await;
}
