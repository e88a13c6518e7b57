//! The second factor: one-time codes of an authenticator, and recovery codes for when it is lost.

use std::fmt;

use crate::{Timestamp, UserId};

/// The secret that an authenticator shares with the market, sealed so that storage alone does not give it away.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret(String);

impl SealedSecret {
    /// Wraps what the sealer made.
    #[must_use]
    pub const fn new(sealed: String) -> Self {
        Self(sealed)
    }

    /// The sealed text, for storage and for the sealer only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedSecret(…)")
    }
}

/// Digests of recovery codes that are still good.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct RecoveryCodes(pub Vec<u128>);

impl fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveryCodes({} left)", self.0.len())
    }
}

/// A code that matches the secret; whether it was used before is decided here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PresentedCode {
    /// A code of this time step.
    Code { step: u64 },
    /// Perhaps a recovery code, by its digest.
    Recovery { digest: u128 },
    /// Neither.
    Wrong,
}

impl fmt::Debug for PresentedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown(…)")
    }
}

/// A user's second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    pub user: UserId,
    pub secret: SealedSecret,
    /// `None`: enrolment has begun, but no code was presented yet, and none is required until then.
    pub active_since: Option<Timestamp>,
    /// The time step of the last code that was taken: it and earlier ones are not taken again.
    pub last_step: u64,
    pub recovery: RecoveryCodes,
    pub version: u64,
}

/// Why a second factor or its code is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactorRefusal {
    /// A recent second factor is needed: none was presented, or too long ago.
    Required,
    /// Not a code of this second factor, or one that was used before.
    Wrong,
    AlreadyActive,
    NotEnrolled,
}

impl SecondFactorRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Required => "SECOND_FACTOR_REQUIRED",
            Self::Wrong => "SECOND_FACTOR_WRONG",
            Self::AlreadyActive => "SECOND_FACTOR_ACTIVE",
            Self::NotEnrolled => "SECOND_FACTOR_NOT_ENROLLED",
        }
    }
}

impl fmt::Display for SecondFactorRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("a second factor is needed: send its code with the log-in; in a session verify a code, which counts for some minutes, or enrol a second factor first"),
            Self::Wrong => f.write_str("not a valid code of this second factor, or one that was used before"),
            Self::AlreadyActive => f.write_str("a second factor is already in use"),
            Self::NotEnrolled => f.write_str("no second factor is in use"),
        }
    }
}

impl std::error::Error for SecondFactorRefusal {}

impl SecondFactor {
    /// How many recovery codes a user gets.
    pub const RECOVERY_CODES: usize = 10;

    /// Begun: to be confirmed by a first code.
    #[must_use]
    pub const fn begin(user: UserId, secret: SealedSecret) -> Self {
        Self {
            user,
            secret,
            active_since: None,
            last_step: 0,
            recovery: RecoveryCodes(Vec::new()),
            version: 1,
        }
    }

    /// Begun anew, where it was not confirmed or is given up.
    pub fn begin_again(self, secret: SealedSecret) -> Result<Self, SecondFactorRefusal> {
        if self.is_active() {
            return Err(SecondFactorRefusal::AlreadyActive);
        }
        Ok(Self {
            version: self.version + 1,
            ..Self::begin(self.user, secret)
        })
    }

    /// Whether it is asked for.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.active_since.is_some()
    }

    /// The first code was shown: from now on it is asked for.
    pub fn confirm(
        self,
        shown: PresentedCode,
        recovery: RecoveryCodes,
        now: Timestamp,
    ) -> Result<Self, SecondFactorRefusal> {
        if self.is_active() {
            return Err(SecondFactorRefusal::AlreadyActive);
        }
        let step = match shown {
            PresentedCode::Code { step } if step > self.last_step => step,
            _ => return Err(SecondFactorRefusal::Wrong),
        };
        Ok(Self {
            active_since: Some(now),
            last_step: step,
            recovery,
            version: self.version + 1,
            ..self
        })
    }

    /// Takes what was shown, if it was not shown before; each code once.
    pub fn take(self, shown: PresentedCode) -> Result<Self, SecondFactorRefusal> {
        if !self.is_active() {
            return Err(SecondFactorRefusal::NotEnrolled);
        }
        let version = self.version + 1;
        match shown {
            PresentedCode::Code { step } if step > self.last_step => Ok(Self {
                last_step: step,
                version,
                ..self
            }),
            PresentedCode::Recovery { digest } if self.recovery.0.contains(&digest) => {
                let mut recovery = self.recovery;
                recovery.0.retain(|left| *left != digest);
                Ok(Self {
                    recovery,
                    version,
                    ..self
                })
            }
            _ => Err(SecondFactorRefusal::Wrong),
        }
    }

    /// Fresh recovery codes instead of all earlier ones.
    #[must_use]
    pub fn with_recovery(self, recovery: RecoveryCodes) -> Self {
        Self {
            recovery,
            version: self.version + 1,
            ..self
        }
    }

    /// The time step after which no code comes any more.
    const LAST_STEP: u64 = i64::MAX as u64;

    /// Asked for no more, until it is begun and confirmed anew: its secret is good for nothing.
    #[must_use]
    pub fn given_up(self) -> Self {
        Self {
            active_since: None,
            last_step: Self::LAST_STEP,
            recovery: RecoveryCodes::default(),
            version: self.version + 1,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TypedId;

    const NOW: Timestamp = Timestamp::from_micros(1);

    fn begun() -> SecondFactor {
        SecondFactor::begin(UserId::from_u128(1), SealedSecret::new("sealed".into()))
    }

    fn active() -> SecondFactor {
        let codes = RecoveryCodes(vec![7, 8]);
        begun()
            .confirm(PresentedCode::Code { step: 10 }, codes, NOW)
            .unwrap()
    }

    #[test]
    fn a_code_is_taken_once_and_no_earlier_one_after_it() {
        let after = active().take(PresentedCode::Code { step: 11 }).unwrap();
        for step in [9, 10, 11] {
            let again = after.clone().take(PresentedCode::Code { step });
            assert_eq!(again, Err(SecondFactorRefusal::Wrong), "{step}");
        }
        let first = active().take(PresentedCode::Code { step: 10 });
        assert_eq!(
            first,
            Err(SecondFactorRefusal::Wrong),
            "that which confirmed"
        );
    }

    #[test]
    fn a_recovery_code_is_good_once() {
        let after = active()
            .take(PresentedCode::Recovery { digest: 7 })
            .unwrap();
        assert_eq!(after.recovery, RecoveryCodes(vec![8]));
        let again = after.take(PresentedCode::Recovery { digest: 7 });
        assert_eq!(again, Err(SecondFactorRefusal::Wrong));
    }

    #[test]
    fn nothing_is_asked_before_the_first_code() {
        let wrong = begun().confirm(PresentedCode::Wrong, RecoveryCodes::default(), NOW);
        assert_eq!(wrong, Err(SecondFactorRefusal::Wrong));
        let unused = begun().take(PresentedCode::Code { step: 1 });
        assert_eq!(unused, Err(SecondFactorRefusal::NotEnrolled));
        let twice = active().begin_again(SealedSecret::new("other".into()));
        assert_eq!(twice, Err(SecondFactorRefusal::AlreadyActive));
        let lost = active().given_up();
        let codes = RecoveryCodes::default();
        let found = lost.confirm(PresentedCode::Code { step: 11 }, codes, NOW);
        assert_eq!(
            found,
            Err(SecondFactorRefusal::Wrong),
            "a lost authenticator"
        );
        let anew = active()
            .given_up()
            .begin_again(SealedSecret::new("other".into()))
            .unwrap();
        assert!(!anew.is_active());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let text = format!("{:?}", active());
        assert!(!text.contains("sealed") && !text.contains('7'), "{text}");
    }
}
