//! Argon2id, off the threads that serve requests: never more at once than there are permits, and no long queue for them.
//!
//! A password is its bytes, as they come: two ways to write the same letter in Unicode are two passwords. Passwords
//! are wiped from memory after use.

mod blocking_pool;
mod breached;
mod strength;

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use p2p_application::ports::{PasswordError, Passwords, Verdict};
use p2p_domain::user::PasswordHash;
use zeroize::Zeroizing;

use blocking_pool::BlockingPool;

pub use breached::BreachedPasswords;

/// How dear a guess is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory per hash, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Hashes computed at the same time at most.
    pub at_once: usize,
    /// Passwords that may wait for their turn; who comes then is sent away.
    pub waiting: usize,
}

impl PasswordCost {
    /// For tests and demos on machines that have better things to do: not for real accounts.
    pub const MINIMAL: Self = Self {
        memory_kib: 64,
        passes: 1,
        at_once: 2,
        waiting: 64,
    };
}

/// OWASP's first choice: 19 MiB, two passes, one lane.
impl Default for PasswordCost {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            at_once: 2,
            waiting: 64,
        }
    }
}

/// Hashes passwords with Argon2id.
#[derive(Debug, Clone)]
pub struct Argon2Passwords {
    argon2: Argon2<'static>,
    hashing: BlockingPool,
    /// Judges new passwords. Apart, so that a flood of registrations leaves log-ins alone.
    judging: BlockingPool,
    breached: Option<BreachedPasswords>,
    /// Verified against where there is no such user, so that the answer takes as long.
    decoy: PasswordHash,
}

impl Argon2Passwords {
    /// A hasher of this cost. Fails on a cost that Argon2 does not know.
    pub fn new(cost: PasswordCost) -> Result<Self, PasswordError> {
        let params =
            Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|error| failed(&error))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, "no account has this password")?;
        Ok(Self {
            argon2,
            hashing: BlockingPool::new(cost.at_once, cost.waiting),
            judging: BlockingPool::new(1, cost.waiting),
            breached: None,
            decoy,
        })
    }

    /// The same, refusing new passwords that are in this list.
    #[must_use]
    pub fn with_breached(self, list: BreachedPasswords) -> Self {
        Self {
            breached: Some(list),
            ..self
        }
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, password: String) -> Result<PasswordHash, PasswordError> {
        let password = Zeroizing::new(password);
        let argon2 = self.argon2.clone();
        self.hashing.run(move || hash(&argon2, &password)).await
    }

    async fn verify(
        &self,
        password: String,
        known: Option<PasswordHash>,
    ) -> Result<Verdict, PasswordError> {
        let password = Zeroizing::new(password);
        let exists = known.is_some();
        let known = known.unwrap_or_else(|| self.decoy.clone());
        let argon2 = self.argon2.clone();
        let verdict = self
            .hashing
            .run(move || verify(&argon2, &password, &known))
            .await?;
        Ok(if exists { verdict } else { Verdict::Wrong })
    }

    async fn weakness(
        &self,
        password: &str,
        known_of_owner: &[&str],
    ) -> Result<Option<&'static str>, PasswordError> {
        let password = Zeroizing::new(password.to_owned());
        let known: Vec<String> = known_of_owner.iter().map(ToString::to_string).collect();
        let breached = self.breached.clone();
        self.judging
            .run(move || strength::weakness(&password, &known, breached.as_ref()))
            .await
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<PasswordHash, PasswordError> {
    let hash: phc::PasswordHash = argon2
        .hash_password(password.as_bytes())
        .map_err(|error| failed(&error))?;
    Ok(PasswordHash::new(hash.to_string()))
}

/// Verifies with the parameters that the stored hash was made with. Where today's are dearer, the right password is hashed anew.
fn verify(
    argon2: &Argon2<'_>,
    password: &str,
    known: &PasswordHash,
) -> Result<Verdict, PasswordError> {
    let known = phc::PasswordHash::new(known.expose()).map_err(|error| failed(&error))?;
    match argon2.verify_password(password.as_bytes(), &known) {
        Ok(()) if is_cheaper(argon2, &known) => hash(argon2, password).map(Verdict::Outdated),
        Ok(()) => Ok(Verdict::Right),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(error) => Err(failed(&error)),
    }
}

/// Whether a guess costs less by it, and in no way more.
fn is_cheaper(argon2: &Argon2<'_>, known: &phc::PasswordHash) -> bool {
    let cost = |params: &Params| [params.m_cost(), params.t_cost()];
    Params::try_from(known).is_ok_and(|params| {
        let (known, ours) = (cost(&params), cost(argon2.params()));
        known != ours && known.iter().zip(ours).all(|(known, ours)| *known <= ours)
    })
}

fn failed(error: &dyn std::fmt::Display) -> PasswordError {
    PasswordError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Argon2Passwords::new(PasswordCost::MINIMAL).unwrap();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        for (password, known, verdict) in [
            ("correct horse", Some(&hash), Verdict::Right),
            ("wrong horse", Some(&hash), Verdict::Wrong),
            ("no account has this password", None, Verdict::Wrong),
        ] {
            let found = passwords.verify(password.into(), known.cloned()).await;
            assert_eq!(found.unwrap(), verdict, "{password}");
        }
        assert_ne!(
            passwords.hash("correct horse".into()).await.unwrap(),
            hash,
            "salted"
        );
        assert!(!format!("{hash:?}").contains("argon2"));
    }

    #[tokio::test]
    async fn the_right_password_is_hashed_anew_where_that_makes_it_dearer() {
        let old = Argon2Passwords::new(PasswordCost::MINIMAL).unwrap();
        for cost in [
            PasswordCost {
                memory_kib: 128,
                ..PasswordCost::MINIMAL
            },
            PasswordCost {
                passes: 2,
                ..PasswordCost::MINIMAL
            },
        ] {
            let today = Argon2Passwords::new(cost).unwrap();
            let hash = old.hash("correct horse".into()).await.unwrap();
            let wrong = today.verify("wrong horse".into(), Some(hash.clone())).await;
            assert_eq!(wrong.unwrap(), Verdict::Wrong);
            let right = today.verify("correct horse".into(), Some(hash)).await;
            let Verdict::Outdated(hash) = right.unwrap() else {
                panic!("the hash is taken for one of today");
            };
            for hasher in [&today, &old] {
                let right = hasher.verify("correct horse".into(), Some(hash.clone()));
                assert_eq!(right.await.unwrap(), Verdict::Right);
            }
        }
    }

    #[tokio::test]
    async fn a_hash_that_is_none_is_an_error() {
        let passwords = Argon2Passwords::new(PasswordCost::MINIMAL).unwrap();
        let none = PasswordHash::new("plain text".into());
        assert!(
            passwords
                .verify("plain text".into(), Some(none))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn new_passwords_are_judged_by_the_list_and_by_what_is_known() {
        let list = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\n\
                    ABF7AAD6438836DBE526AA231ABDE2D0EEF74D42:204\n";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), list).unwrap();
        let breached = BreachedPasswords::open(file.path()).unwrap();
        let passwords = Argon2Passwords::new(PasswordCost::MINIMAL).unwrap();
        let judge = async |passwords: &Argon2Passwords, password: &str| {
            let weakness = passwords.weakness(password, &["alice@wonderland.example"]);
            weakness.await.unwrap()
        };
        // SHA-1 of this one is the list's second line.
        let stolen = "correct horse battery staple";
        assert_eq!(judge(&passwords, stolen).await, None);
        assert!(judge(&passwords, "wonderland1").await.is_some());
        let passwords = passwords.with_breached(breached);
        let reason = judge(&passwords, stolen).await;
        assert!(reason.is_some_and(|reason| reason.contains("breach")));
        assert_eq!(judge(&passwords, "stable battery pony wrong").await, None);
    }
}
