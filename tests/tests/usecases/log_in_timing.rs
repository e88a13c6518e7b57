//! Nobody learns from a log-in that fails whether there is such an account: neither from what is done, which is counted, nor
//! from how long it takes, which is compared.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use p2p_application::auth::AccessError;
use p2p_application::mail::MailQueue;
use p2p_application::ports::{PasswordError, Passwords, Verdict};
use p2p_application::session::{Credentials, log_in};
use p2p_application::user::RegisterUser;
use p2p_application::{Market, MarketPorts, PipelineSettings};
use p2p_domain::policy::AccessRules;
use p2p_domain::refusal::SessionRefusal;
use p2p_domain::session::Origin;
use p2p_domain::user::{Email, PasswordHash};
use p2p_domain::{Policy, Refusal, Role, Roles};
use p2p_memory::{
    InsecureSecondFactors, InsecureTokens, KeptMail, ManualClock, Memory, SequentialIds,
};
use p2p_system::{Argon2Passwords, PasswordCost};
use p2p_tests::harness::START;

/// Cheap, and dear enough to be seen beside everything else that a log-in costs in memory.
const COST: PasswordCost = PasswordCost {
    memory_kib: 4 * 1_024,
    passes: 2,
    at_once: 2,
    waiting: 64,
};

/// As many log-ins of each kind are compared.
const PAIRS: usize = 60;

/// Real hashes, and how often one was computed to verify a password.
#[derive(Clone)]
struct Counted {
    argon2: Argon2Passwords,
    verified: Arc<AtomicUsize>,
    /// What must not be: where there is no account, no password is hashed.
    hasty: bool,
}

#[async_trait]
impl Passwords for Counted {
    async fn hash(&self, password: String) -> Result<PasswordHash, PasswordError> {
        self.argon2.hash(password).await
    }

    async fn verify(
        &self,
        password: String,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, PasswordError> {
        if self.hasty && hash.is_none() {
            return Ok(Verdict::Wrong);
        }
        self.verified.fetch_add(1, Ordering::SeqCst);
        self.argon2.verify(password, hash).await
    }

    async fn weakness(
        &self,
        password: &str,
        known: &[&str],
    ) -> Result<Option<&'static str>, PasswordError> {
        self.argon2.weakness(password, known).await
    }
}

struct Door {
    market: Market,
    passwords: Counted,
}

impl Door {
    /// A market with two accounts, of which one has no password, and whose door stays open however many fail.
    async fn open(hasty: bool) -> Self {
        let (memory, letters) = (Memory::new(), KeptMail::default());
        let clock = ManualClock::at(START);
        let letters = Arc::new(letters);
        let (mail, _) = MailQueue::open(letters, Arc::new(clock.clone()), "https://market.example");
        let passwords = Counted {
            argon2: Argon2Passwords::new(COST).unwrap(),
            verified: Arc::default(),
            hasty,
        };
        let ports = MarketPorts {
            store: Arc::new(memory.clone()),
            queries: Arc::new(memory.clone()),
            maintenance: Arc::new(memory),
            clock: Arc::new(clock),
            ids: Arc::new(SequentialIds::default()),
            passwords: Arc::new(passwords.clone()),
            tokens: Arc::new(InsecureTokens::default()),
            second_factors: Arc::new(InsecureSecondFactors),
            mail,
        };
        let policy = Policy {
            access: AccessRules {
                free_failures: u32::MAX,
                lock_after: 0,
                ..AccessRules::default()
            },
            ..Policy::default()
        };
        let (market, _) = Market::open(ports, policy, PipelineSettings::default());
        let hash = passwords.hash("the right password".to_owned()).await;
        for (name, password) in [("known", Some(hash.unwrap())), ("without", None)] {
            let (email, roles) = (address(name), Roles::from([Role::Customer]));
            let name = name.to_owned();
            let command = RegisterUser::new(market.ids(), email, name, roles, password);
            market.execute(command).await.unwrap();
        }
        Self { market, passwords }
    }

    /// How long it takes to be refused.
    async fn refused(&self, name: &str) -> Duration {
        let credentials = Credentials {
            email: address(name),
            password: "a wrong password".to_owned(),
            code: None,
            origin: Origin::default(),
        };
        let began = Instant::now();
        let refused = log_in(&self.market, credentials).await;
        let took = began.elapsed();
        assert!(
            matches!(
                refused,
                Err(AccessError::Refused(Refusal::Session(
                    SessionRefusal::BadCredentials
                )))
            ),
            "{name}: {refused:?}"
        );
        took
    }

    /// How long it takes where there is such an account and where there is none, in the middle. Both are asked in turn, and
    /// which one comes first changes without a pattern: whatever else the machine does, it does to both.
    async fn medians(&self) -> [Duration; 2] {
        let names = ["known", "nobody"];
        let mut took = names.map(|_| Vec::with_capacity(PAIRS));
        let mut coin: u32 = 0x9e37_79b9;
        for _ in 0..PAIRS {
            coin ^= coin << 13;
            coin ^= coin >> 17;
            coin ^= coin << 5;
            let order = if coin.is_multiple_of(2) {
                [0, 1]
            } else {
                [1, 0]
            };
            for which in order {
                took[which].push(self.refused(names[which]).await);
            }
        }
        took.map(|mut took| {
            took.sort_unstable();
            took[PAIRS / 2]
        })
    }
}

fn address(name: &str) -> Email {
    Email::new(&format!("{name}@example.org"))
}

/// Whether one takes more than twice as long as the other. What a known account costs beside the hash is a small part of that;
/// that a hash is left out makes it many times as much.
fn can_be_told_apart([one, other]: [Duration; 2]) -> bool {
    one > other * 2 || other > one * 2
}

#[tokio::test]
async fn one_password_is_verified_whether_there_is_an_account_or_not() {
    let door = Door::open(false).await;
    for name in ["known", "without", "nobody", "known", "nobody"] {
        let before = door.passwords.verified.load(Ordering::SeqCst);
        door.refused(name).await;
        let after = door.passwords.verified.load(Ordering::SeqCst);
        assert_eq!(after - before, 1, "{name}");
    }
}

#[tokio::test]
async fn a_refusal_takes_as_long_whether_there_is_an_account_or_not() {
    let door = Door::open(false).await;
    let medians = door.medians().await;
    assert!(!can_be_told_apart(medians), "{medians:?}");
}

/// The comparison is worth something: a market that hashes nothing where there is no account is found out by it.
#[tokio::test]
async fn a_hash_that_is_left_out_would_be_seen() {
    let door = Door::open(true).await;
    let medians = door.medians().await;
    assert!(can_be_told_apart(medians), "{medians:?}");
}
