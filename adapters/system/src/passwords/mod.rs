//! Argon2id, off the threads that serve requests and never more at once than there are permits.

use std::sync::Arc;

use application::ports::{PasswordError, Passwords};
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use domain::user::PasswordHash;
use tokio::sync::Semaphore;

/// How dear a guess is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory per hash, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Hashes computed at the same time at most.
    pub at_once: usize,
}

impl PasswordCost {
    /// For tests and demos on machines that have better things to do: not for real accounts.
    pub const MINIMAL: Self = Self {
        memory_kib: 64,
        passes: 1,
        at_once: 2,
    };
}

/// OWASP's first choice: 19 MiB, two passes, one lane.
impl Default for PasswordCost {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            at_once: 2,
        }
    }
}

/// Hashes passwords with Argon2id.
#[derive(Debug, Clone)]
pub struct Argon2Passwords {
    argon2: Argon2<'static>,
    permits: Arc<Semaphore>,
    /// Verified against where there is no such user, so that the answer takes as long.
    decoy: PasswordHash,
}

impl Argon2Passwords {
    /// A hasher of this cost. Fails on a cost that Argon2 does not know.
    pub fn new(cost: PasswordCost) -> Result<Self, PasswordError> {
        let params =
            Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|error| failed(&error))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, "nobody has this password")?;
        Ok(Self {
            argon2,
            permits: Arc::new(Semaphore::new(cost.at_once.max(1))),
            decoy,
        })
    }

    /// Runs the work where blocking is allowed, once a permit is free.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permits = Arc::clone(&self.permits);
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|error| failed(&error))?;
        let argon2 = self.argon2.clone();
        let done = tokio::task::spawn_blocking(move || {
            // Held until the work is done, even if nobody waits for it any more.
            let _permit = permit;
            work(&argon2)
        });
        done.await.map_err(|error| failed(&error))?
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, password: String) -> Result<PasswordHash, PasswordError> {
        self.apart(move |argon2| hash(argon2, &password)).await
    }

    async fn verify(
        &self,
        password: String,
        known: Option<PasswordHash>,
    ) -> Result<bool, PasswordError> {
        let exists = known.is_some();
        let known = known.unwrap_or_else(|| self.decoy.clone());
        let matches = self
            .apart(move |argon2| verify(argon2, &password, &known))
            .await?;
        Ok(matches && exists)
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<PasswordHash, PasswordError> {
    let hash: phc::PasswordHash = argon2
        .hash_password(password.as_bytes())
        .map_err(|error| failed(&error))?;
    Ok(PasswordHash::new(hash.to_string()))
}

/// Verifies with the parameters that the stored hash was made with.
fn verify(
    argon2: &Argon2<'_>,
    password: &str,
    known: &PasswordHash,
) -> Result<bool, PasswordError> {
    let known = phc::PasswordHash::new(known.expose()).map_err(|error| failed(&error))?;
    match argon2.verify_password(password.as_bytes(), &known) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(failed(&error)),
    }
}

fn failed(error: &dyn std::fmt::Display) -> PasswordError {
    PasswordError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Argon2Passwords::new(PasswordCost::MINIMAL).unwrap();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(
            passwords
                .verify("correct horse".into(), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify("wrong horse".into(), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify("nobody has this password".into(), None)
                .await
                .unwrap()
        );
        assert_ne!(
            passwords.hash("correct horse".into()).await.unwrap(),
            hash,
            "salted"
        );
        assert!(!format!("{hash:?}").contains("argon2"));
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
}
