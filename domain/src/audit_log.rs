//! The audit log: actor, action, object, time and source address. Each record carries the previous one in its hash,
//! so that none can be altered, removed or slipped in without a trace.

use std::net::IpAddr;

use crate::named::named;
use crate::user::Caller;
use crate::{SessionId, Timestamp, UserId};

named! {
    /// What was done.
    AuditAction {
        UserRegistered = "USER_REGISTERED",
        EmailVerified = "EMAIL_VERIFIED",
        LoggedIn = "LOGGED_IN",
        LogInFailed = "LOG_IN_FAILED",
        /// Too many log-ins have failed, so the account is locked.
        LogInLocked = "LOG_IN_LOCKED",
        LoggedOut = "LOGGED_OUT",
        SessionRevoked = "SESSION_REVOKED",
        /// A refresh token came a second time.
        RefreshTokenReused = "REFRESH_TOKEN_REUSED",
        PasswordChanged = "PASSWORD_CHANGED",
        PasswordReset = "PASSWORD_RESET",
        SecondFactorActivated = "SECOND_FACTOR_ACTIVATED",
        SecondFactorShown = "SECOND_FACTOR_SHOWN",
        SecondFactorFailed = "SECOND_FACTOR_FAILED",
        SecondFactorRemoved = "SECOND_FACTOR_REMOVED",
        RecoveryCodeUsed = "RECOVERY_CODE_USED",
        RecoveryCodesRenewed = "RECOVERY_CODES_RENEWED",
        RolesChanged = "ROLES_CHANGED",
        /// The operator's numbers, as the program was started with them.
        SettingsChanged = "SETTINGS_CHANGED",
        DepositBooked = "DEPOSIT_BOOKED",
        DisputeResolved = "DISPUTE_RESOLVED",
        ExchangerFrozen = "EXCHANGER_FROZEN",
        ExchangerUnfrozen = "EXCHANGER_UNFROZEN",
        WithdrawalApproved = "WITHDRAWAL_APPROVED",
        WithdrawalRejected = "WITHDRAWAL_REJECTED",
        OrderRefunded = "ORDER_REFUNDED",
        /// By staff, from another user's account.
        PaymentMade = "PAYMENT_MADE",
    }
}

/// What is to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditNote {
    /// `None`: the market itself, or an unauthenticated caller.
    pub actor: Option<UserId>,
    pub session: Option<SessionId>,
    pub address: Option<IpAddr>,
    pub action: AuditAction,
    /// The id of what it was done to; empty where there is none.
    pub subject: String,
    /// What else there is to know, as a JSON object. No secrets.
    pub detail: String,
}

impl AuditNote {
    /// Of an authenticated caller.
    #[must_use]
    pub const fn by(caller: Caller, action: AuditAction, subject: String, detail: String) -> Self {
        Self {
            actor: Some(caller.user),
            session: caller.session,
            address: caller.address,
            action,
            subject,
            detail,
        }
    }

    /// Of the market itself.
    #[must_use]
    pub const fn by_system(action: AuditAction, subject: String, detail: String) -> Self {
        Self {
            actor: None,
            session: None,
            address: None,
            action,
            subject,
            detail,
        }
    }
}

/// A hash that stands for a record and all before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// Before the first record.
    pub const GENESIS: Self = Self([0; 32]);
}

impl std::fmt::Display for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAHash;

impl std::str::FromStr for ChainHash {
    type Err = NotAHash;
    fn from_str(text: &str) -> Result<Self, NotAHash> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAHash);
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(index * 2..index * 2 + 2).ok_or(NotAHash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotAHash)?;
        }
        Ok(Self(bytes))
    }
}

/// The head of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// How many records there are.
    pub count: u64,
    pub hash: ChainHash,
}

impl Default for AuditHead {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl AuditHead {
    /// Of an empty log.
    pub const EMPTY: Self = Self {
        count: 0,
        hash: ChainHash::GENESIS,
    };
}

/// A record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place: 1, 2, 3, … without gaps.
    pub number: u64,
    pub at: Timestamp,
    pub note: AuditNote,
    /// Of this record and all before it.
    pub hash: ChainHash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_back_as_it_is_written() {
        let hash = ChainHash(std::array::from_fn(|index| {
            u8::try_from(index * 7).unwrap()
        }));
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for bad in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(bad.parse::<ChainHash>(), Err(NotAHash), "{bad}");
        }
    }
}
