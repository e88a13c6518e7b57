//! Payments through the market, many at once, by one replica and by two on the same storage: they end, each as it was declared
//! that they may, and no money is lost or made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use p2p_application::payment::{AuthorizePayment, Authorized, authorize_payment};
use p2p_application::wallet::StatementFilter;
use p2p_application::{CommandError, Market};
use p2p_domain::ledger::PostingKind;
use p2p_domain::payment::PaymentState;
use p2p_domain::user::Caller;
use p2p_domain::{AccountId, AccountKey, Asset, Decline, Money};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Backend;
use super::paying::account;
use crate::harness::{Harness, Setup, Storage};

/// Far longer than any of this takes: beyond it, something waits for ever.
const STUCK: Duration = Duration::from_secs(60);

/// Payments that are asked for at the same moment.
const PAYMENTS: usize = 400;

const ASSETS: [Asset; 2] = [Asset::Usdt, Asset::Rub];

/// Somebody with their accounts.
#[derive(Debug, Clone)]
struct Party {
    caller: Caller,
    accounts: BTreeMap<Asset, AccountId>,
}

/// Two people who pay each other, by way of one replica or of two. The lanes make a batch of one meet those of others.
struct Fixture<S> {
    replicas: Vec<Harness<S>>,
    people: [Party; 2],
}

impl<S: Storage> Fixture<S> {
    async fn open<B: Backend<Store = S>>(backend: &B, replicas: usize) -> Self {
        let mut setup = Setup::default();
        setup.pipeline.lanes = 3;
        let first = Harness::open_with(backend.open().await, setup.clone()).await;
        let mut all = Vec::new();
        for _ in 1..replicas {
            let beside = backend.beside(&first.store).await;
            all.push(Harness::open_with(beside, setup.clone()).await);
        }
        let people = [party(&first, "anna").await, party(&first, "berta").await];
        all.push(first);
        Self {
            replicas: all,
            people,
        }
    }

    fn market(&self, turn: usize) -> Market {
        self.replicas[turn % self.replicas.len()].market.clone()
    }

    /// What one of the two asks for: to pay the other.
    fn payment(&self, payer: usize, key: &str, amount: Money) -> AuthorizePayment {
        let (payer, payee) = (&self.people[payer], &self.people[1 - payer]);
        AuthorizePayment {
            id: self.market(0).fresh(),
            caller: payer.caller,
            key: key.to_owned(),
            payer: Some(payer.accounts[&amount.asset()]),
            payee: Some(payee.accounts[&amount.asset()]),
            amount,
            description: "lunch".to_owned(),
            limited: false,
        }
    }

    /// Asks for all of them at the same moment, by turns of each replica.
    async fn ask(
        &self,
        payments: impl IntoIterator<Item = AuthorizePayment>,
    ) -> Vec<Result<Authorized, CommandError>> {
        let payments: Vec<_> = payments.into_iter().collect();
        let start = Arc::new(Barrier::new(payments.len()));
        let mut tasks = JoinSet::new();
        for (turn, payment) in payments.into_iter().enumerate() {
            let (market, start) = (self.market(turn), Arc::clone(&start));
            tasks.spawn(async move {
                start.wait().await;
                authorize_payment(&market, payment).await
            });
        }
        let answers = timeout(STUCK, tasks.join_all()).await;
        answers.expect("all payments are answered")
    }

    /// What each of the two has.
    async fn balances(&self, asset: Asset) -> [i64; 2] {
        let harness = &self.replicas[0];
        let mut balances = [0; 2];
        for (balance, party) in balances.iter_mut().zip(&self.people) {
            let (available, held) = harness.wallet(party.caller.user, asset).await;
            assert_eq!(held, 0);
            *balance = available;
        }
        balances
    }

    /// Lines of somebody's statement that come of payments.
    async fn lines(&self, party: usize) -> usize {
        let filter = StatementFilter {
            user: self.people[party].caller.user,
            asset: None,
            after: None,
            limit: 1_000,
        };
        let lines = self.replicas[0].store.statement(&filter).await.unwrap();
        let paid = lines
            .iter()
            .filter(|line| line.kind == PostingKind::Payment);
        paid.count()
    }

    /// The ledger is in order, and all replicas end.
    async fn close(self) {
        for harness in self.replicas {
            let report = harness.store.audit().await.unwrap();
            assert_eq!(report.violations, []);
            harness.end().await;
        }
    }
}

async fn party<S: Storage>(harness: &Harness<S>, name: &str) -> Party {
    let caller = harness.customer(name).await;
    let mut accounts = BTreeMap::new();
    for asset in ASSETS {
        let own = account(harness, AccountKey::user(caller.user, asset)).await;
        accounts.insert(asset, own.id);
    }
    Party { caller, accounts }
}

/// The amount of the nth payment: small and large, so that some can't be paid for at the moment, in two currencies.
fn amount(nth: usize) -> Money {
    let minor = if nth.is_multiple_of(5) { 700 } else { 10 };
    Money::new(minor, ASSETS[nth / 2 % 2])
}

async fn back_and_forth<B: Backend>(backend: &B, replicas: usize) {
    let fixture = Fixture::open(backend, replicas).await;
    let harness = &fixture.replicas[0];
    for party in &fixture.people {
        harness.deposit(party.caller, "0.001", Asset::Usdt).await;
        harness.deposit(party.caller, "10", Asset::Rub).await;
    }
    let asked = |nth: usize| fixture.payment(nth % 2, &format!("payment {nth}"), amount(nth));
    let before = [
        fixture.balances(ASSETS[0]).await,
        fixture.balances(ASSETS[1]).await,
    ];

    let answers = fixture.ask((0..PAYMENTS).map(asked)).await;
    let mut paid = 0;
    // What those who paid have given, by asset; the other has got as much.
    let mut given = BTreeMap::<(Asset, Option<AccountId>), i64>::new();
    for answer in answers {
        let Authorized { payment, duplicate } = answer.unwrap();
        assert!(!duplicate, "{payment:?}");
        match payment.state {
            PaymentState::Authorized => {
                let terms = payment.terms;
                *given
                    .entry((terms.amount.asset(), terms.payer))
                    .or_default() += terms.amount.minor();
                paid += 1;
            }
            PaymentState::Declined(Decline::InsufficientFunds) => {}
            state => panic!("{state:?}"),
        }
    }
    assert!(paid > PAYMENTS / 4, "only {paid} could be paid");
    for (asset, before) in ASSETS.into_iter().zip(before) {
        let of = |party: usize| {
            let account = fixture.people[party].accounts[&asset];
            given.get(&(asset, Some(account))).copied().unwrap_or(0)
        };
        let moved = of(0) - of(1);
        let expected = [before[0] - moved, before[1] + moved];
        assert_eq!(fixture.balances(asset).await, expected, "{asset:?}");
    }
    assert_eq!(
        [fixture.lines(0).await, fixture.lines(1).await],
        [paid, paid]
    );
    fixture.close().await;
}

/// 400 payments from the one to the other and back, at once: nobody waits in a circle, every answer is one that was declared,
/// and in each currency the sums are right.
pub async fn payments_back_and_forth_lose_nothing<B: Backend>(backend: &B) {
    back_and_forth(backend, 1).await;
}

/// The same by way of two replicas.
pub async fn replicas_pay_back_and_forth_and_lose_nothing<B: Backend>(backend: &B) {
    back_and_forth(backend, 2).await;
}

async fn one_key<B: Backend>(backend: &B, replicas: usize) {
    const TIMES: usize = 50;
    let fixture = Fixture::open(backend, replicas).await;
    let payer = fixture.people[0].caller;
    fixture.replicas[0].deposit(payer, "100", Asset::Rub).await;
    let money = Money::new(300, Asset::Rub);
    let same = (0..TIMES).map(|_| fixture.payment(0, "the same", money));
    let answers = fixture.ask(same).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    let made: Vec<_> = answers.iter().filter(|answer| !answer.duplicate).collect();
    assert_eq!((answers.len(), made.len()), (TIMES, 1));
    let made = &made[0].payment;
    assert_eq!(made.state, PaymentState::Authorized);
    assert!(answers.iter().all(|answer| answer.payment == *made));
    assert_eq!(fixture.balances(Asset::Rub).await, [9_700, 300]);
    assert_eq!([fixture.lines(0).await, fixture.lines(1).await], [1, 1]);
    fixture.close().await;
}

/// One key, 50 times at once: it is paid once, and the others are told of that payment.
pub async fn a_key_that_is_sent_at_once_pays_once<B: Backend>(backend: &B) {
    one_key(backend, 1).await;
}

/// The same by way of two replicas.
pub async fn replicas_pay_a_key_once<B: Backend>(backend: &B) {
    one_key(backend, 2).await;
}
