//! Payments from account to account, in memory.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use super::memory;
use p2p_application::Caller;
use p2p_application::payment::AuthorizePayment;
use p2p_domain::payment::PaymentState;
use p2p_domain::policy::AccessRules;
use p2p_domain::refusal::SecondFactorRefusal;
use p2p_domain::{AccountId, AccountKey, Asset, Decline, Money, Policy, Refusal, TypedId};
use p2p_memory::Memory;
use p2p_tests::harness::{Harness, Setup, deposit, unlimited};

fn account(harness: &Harness<Memory>, key: AccountKey) -> AccountId {
    harness.store.tables().accounts[&key].id
}

fn of(harness: &Harness<Memory>, person: Caller) -> AccountId {
    account(harness, AccountKey::user(person.user, Asset::Usd))
}

fn pay(
    harness: &Harness<Memory>,
    key: &str,
    caller: Caller,
    payee: AccountId,
    cents: i64,
) -> AuthorizePayment {
    AuthorizePayment {
        id: harness.market.fresh(),
        caller,
        key: key.to_owned(),
        payer: Some(of(harness, caller)),
        payee: Some(payee),
        amount: Money::new(cents, Asset::Usd),
        description: "lunch".to_owned(),
        limited: false,
    }
}

async fn two(harness: &Harness<Memory>) -> (Caller, Caller) {
    let anna = harness.customer("anna").await;
    let berta = harness.customer("berta").await;
    harness.deposit(anna, "10", Asset::Usd).await;
    (anna, berta)
}

#[tokio::test]
async fn a_payment_is_made_once_for_its_key() {
    let harness = Harness::open(memory()).await;
    let (anna, berta) = two(&harness).await;
    let payee = of(&harness, berta);
    let first = harness.done(pay(&harness, "k1", anna, payee, 400)).await;
    assert_eq!(first.payment.state, PaymentState::Authorized);
    assert!(!first.duplicate);
    let again = harness.done(pay(&harness, "k1", anna, payee, 400)).await;
    assert!(again.duplicate);
    assert_eq!(again.payment, first.payment);
    assert_eq!(harness.wallet(anna.user, Asset::Usd).await, (600, 0));
    assert_eq!(harness.wallet(berta.user, Asset::Usd).await, (400, 0));
    // Another request under the same key is a mistake, and another caller's key is another key.
    let other = harness.refused(pay(&harness, "k1", anna, payee, 401)).await;
    assert_eq!(other, Refusal::IdempotencyKeyReused);
    let back = pay(&harness, "k1", berta, of(&harness, anna), 100);
    assert!(!harness.done(back).await.duplicate);
    harness.close().await;
}

/// Where withdrawals take a second factor, so does what could be withdrawn from another account.
#[tokio::test]
async fn payments_take_a_second_factor_where_withdrawals_do() {
    let setup = Setup {
        policy: Policy {
            access: AccessRules {
                withdrawal_second_factor: true,
                ..AccessRules::default()
            },
            ..unlimited()
        },
        ..Setup::default()
    };
    let harness = Harness::open_with(memory(), setup).await;
    let (anna, berta) = two(&harness).await;
    let payee = of(&harness, berta);
    let unproved = Caller {
        proved_at: None,
        ..anna
    };
    let refused = harness.refused(pay(&harness, "k1", unproved, payee, 400));
    assert_eq!(
        refused.await,
        Refusal::SecondFactor(SecondFactorRefusal::Required)
    );
    assert_eq!(harness.wallet(berta.user, Asset::Usd).await, (0, 0));
    let paid = harness.done(pay(&harness, "k1", anna, payee, 400)).await;
    assert_eq!(paid.payment.state, PaymentState::Authorized);
    // To be told of it once more takes none.
    let again = harness
        .done(pay(&harness, "k1", unproved, payee, 400))
        .await;
    assert_eq!(again.payment, paid.payment);
    harness.close().await;
}

#[tokio::test]
async fn declines_are_outcomes_and_stay() {
    let harness = Harness::open(memory()).await;
    let (anna, berta) = two(&harness).await;
    let payee = of(&harness, berta);
    let euros = account(&harness, AccountKey::user(berta.user, Asset::Eur));
    let outside = account(&harness, AccountKey::external(Asset::Usd));
    let nobody = AccountId::from_u128(99);
    let base = |key: &str| pay(&harness, key, anna, payee, 100);
    let cases = [
        (
            pay(&harness, "a", anna, payee, 1_001),
            Decline::InsufficientFunds,
        ),
        (pay(&harness, "b", anna, payee, 0), Decline::InvalidAmount),
        (pay(&harness, "c", anna, payee, -5), Decline::InvalidAmount),
        (
            pay(&harness, "d", anna, nobody, 1),
            Decline::AccountNotFound,
        ),
        (
            pay(&harness, "e", anna, outside, 1),
            Decline::AccountNotFound,
        ),
        (
            pay(&harness, "f", anna, of(&harness, anna), 1),
            Decline::SameAccount,
        ),
        (
            pay(&harness, "g", anna, euros, 1),
            Decline::CurrencyMismatch,
        ),
        // Others' accounts are not there to be paid from.
        (
            AuthorizePayment {
                payer: Some(payee),
                payee: Some(of(&harness, anna)),
                ..base("h")
            },
            Decline::AccountNotFound,
        ),
        (
            AuthorizePayment {
                payer: Some(nobody),
                ..base("i")
            },
            Decline::AccountNotFound,
        ),
        (
            AuthorizePayment {
                amount: Money::new(1, Asset::Eur),
                ..base("j")
            },
            Decline::CurrencyMismatch,
        ),
    ];
    for (command, decline) in cases {
        let declined = harness.done(command.clone()).await;
        assert_eq!(declined.payment.decline(), Some(decline), "{command:?}");
        let again = harness.done(command.clone()).await;
        assert!(again.duplicate, "{command:?}");
        let amount = Money::new(7, Asset::Usd);
        let other = AuthorizePayment { amount, ..command };
        let refusal = harness.refused(other).await;
        assert_eq!(refusal, Refusal::IdempotencyKeyReused);
    }
    assert_eq!(harness.wallet(anna.user, Asset::Usd).await, (1_000, 0));
    assert_eq!(harness.wallet(berta.user, Asset::Usd).await, (0, 0));
    harness.close().await;
}

#[tokio::test]
async fn administrators_pay_from_any_account_but_the_worlds() {
    let harness = Harness::open(memory()).await;
    let (anna, berta) = two(&harness).await;
    let for_anna = AuthorizePayment {
        payer: Some(of(&harness, anna)),
        ..pay(&harness, "k", harness.admin, of(&harness, berta), 100)
    };
    let made = harness.done(for_anna.clone()).await;
    assert_eq!(made.payment.decline(), None);
    let from_nothing = AuthorizePayment {
        id: harness.market.fresh(),
        key: "l".to_owned(),
        payer: Some(account(&harness, AccountKey::external(Asset::Usd))),
        ..for_anna
    };
    let declined = harness.done(from_nothing).await.payment.decline();
    assert_eq!(declined, Some(Decline::AccountNotFound));
    harness.close().await;
}

#[tokio::test]
async fn only_a_demonstration_has_a_faucet() {
    for (faucet, open) in [(false, false), (true, true)] {
        let setup = Setup {
            policy: Policy {
                faucet,
                ..unlimited()
            },
            ..Setup::default()
        };
        let harness = Harness::open_with(memory(), setup).await;
        let (anna, berta) = two(&harness).await;
        let own = harness.attempt(deposit(anna, anna, "5", Asset::Usd)).await;
        assert_eq!(own.is_ok(), open);
        let for_others = harness.attempt(deposit(anna, berta, "5", Asset::Usd));
        assert!(for_others.await.is_err());
        harness.close().await;
    }
}
