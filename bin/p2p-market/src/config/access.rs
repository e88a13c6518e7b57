//! Settings of authentication: tokens and their keys, passwords, the gateway, and the mode.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use p2p_domain::policy::AccessRules;
use p2p_system::{BreachedPasswords, JwtSettings, PasswordCost, SealSettings, TokenKey};
use serde::{Deserialize, Serialize};

use super::Config;

/// Whether real people's money is at stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    #[default]
    Development,
    /// Does not start with settings that are too weak.
    Production,
}

/// Yes, no, or as the mode has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum ByMode {
    Set(bool),
    Unset(Auto),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Auto {
    Auto,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Auth {
    pub(crate) token_secret: String,
    pub(crate) token_secret_file: String,
    pub(crate) token_secret_id: String,
    pub(crate) old_token_secrets: BTreeMap<String, String>,
    pub(crate) old_token_secrets_files: BTreeMap<String, String>,
    pub(crate) seal_secret: String,
    pub(crate) seal_secret_file: String,
    pub(crate) token_minutes: u64,
    pub(crate) session_days: u64,
    pub(crate) session_idle_days: u64,
    pub(crate) require_verified_email: ByMode,
    pub(crate) staff_second_factor: bool,
    pub(crate) withdrawal_second_factor: bool,
    pub(crate) proof_minutes: u64,
    pub(crate) free_failures: u32,
    pub(crate) longest_wait_minutes: u64,
    pub(crate) lock_after: u32,
    pub(crate) free_failures_per_source: u32,
    pub(crate) lock_hours: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Passwords {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) at_once: usize,
    pub(crate) waiting: usize,
    pub(crate) breached_file: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Gateway {
    pub(crate) enabled: bool,
    pub(crate) addresses: Vec<IpAddr>,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl Default for Auth {
    fn default() -> Self {
        let rules = AccessRules::default();
        Self {
            token_secret: String::new(),
            token_secret_file: String::new(),
            token_secret_id: "1".to_owned(),
            old_token_secrets: BTreeMap::new(),
            old_token_secrets_files: BTreeMap::new(),
            seal_secret: String::new(),
            seal_secret_file: String::new(),
            token_minutes: 10,
            session_days: rules.session_lifetime.as_secs() / DAY,
            session_idle_days: rules.session_idle.as_secs() / DAY,
            require_verified_email: ByMode::Unset(Auto::Auto),
            staff_second_factor: rules.staff_second_factor,
            withdrawal_second_factor: rules.withdrawal_second_factor,
            proof_minutes: rules.proof_lasts.as_secs() / MINUTE,
            free_failures: rules.free_failures,
            longest_wait_minutes: rules.longest_wait.as_secs() / MINUTE,
            lock_after: rules.lock_after,
            free_failures_per_source: rules.free_failures_per_source,
            lock_hours: rules.lock_lasts.as_secs() / HOUR,
        }
    }
}

/// Secrets are never printed.
impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("token_secret_id", &self.token_secret_id)
            .field("token_minutes", &self.token_minutes)
            .finish_non_exhaustive()
    }
}

impl Default for Passwords {
    fn default() -> Self {
        let PasswordCost {
            memory_kib,
            passes,
            at_once,
            waiting,
        } = PasswordCost::default();
        Self {
            memory_kib,
            passes,
            at_once,
            waiting,
            breached_file: String::new(),
        }
    }
}

impl Config {
    pub(crate) fn access_rules(&self) -> AccessRules {
        let spans = |count: u64, unit: u64| Duration::from_secs(count.saturating_mul(unit));
        let auth = &self.auth;
        AccessRules {
            staff_second_factor: auth.staff_second_factor,
            withdrawal_second_factor: auth.withdrawal_second_factor,
            proof_lasts: spans(auth.proof_minutes, MINUTE),
            verified_email: self.requires_verified_email(),
            session_lifetime: spans(auth.session_days, DAY),
            session_idle: spans(auth.session_idle_days, DAY),
            free_failures: auth.free_failures,
            longest_wait: spans(auth.longest_wait_minutes, MINUTE),
            lock_after: auth.lock_after,
            free_failures_per_source: auth.free_failures_per_source,
            lock_lasts: spans(auth.lock_hours, HOUR),
        }
    }

    pub(super) const fn requires_verified_email(&self) -> bool {
        match self.auth.require_verified_email {
            ByMode::Set(required) => required,
            ByMode::Unset(Auto::Auto) => matches!(self.mode, Mode::Production),
        }
    }

    /// The token settings; a server can't do without a proper secret.
    pub(crate) fn jwt(&self) -> Result<JwtSettings> {
        ensure!(
            self.auth.token_secret.len() >= TokenKey::MIN_SECRET,
            "auth.token_secret must be set to at least {} secret bytes: put `token_secret` under [auth] into the \
             configuration file, name a file that holds it by `token_secret_file`, or set P2P_AUTH__TOKEN_SECRET (for example \
             to the output of `openssl rand -hex 32`)",
            TokenKey::MIN_SECRET
        );
        let key = |(id, secret): (&String, &String)| TokenKey {
            id: id.clone(),
            secret: secret.clone(),
        };
        Ok(JwtSettings {
            key: key((&self.auth.token_secret_id, &self.auth.token_secret)),
            old_keys: self.auth.old_token_secrets.iter().map(key).collect(),
            lifetime: Duration::from_secs(self.auth.token_minutes.saturating_mul(MINUTE)),
        })
    }

    /// The secrets that seal second factors: one of their own, or the token secret. Every earlier one still opens them.
    pub(crate) fn seal(&self) -> SealSettings {
        let Auth {
            token_secret,
            seal_secret,
            old_token_secrets,
            ..
        } = &self.auth;
        let mut secrets = [seal_secret, token_secret]
            .into_iter()
            .filter(|secret| !secret.is_empty())
            .cloned();
        SealSettings {
            secret: secrets.next().unwrap_or_default(),
            old_secrets: secrets.chain(old_token_secrets.values().cloned()).collect(),
        }
    }

    pub(crate) fn password_cost(&self) -> PasswordCost {
        PasswordCost {
            memory_kib: self.passwords.memory_kib,
            passes: self.passwords.passes,
            at_once: self.passwords.at_once,
            waiting: self.passwords.waiting,
        }
    }

    /// The list of breached passwords, if there is one.
    pub(crate) fn breached_passwords(&self) -> Result<Option<BreachedPasswords>> {
        let file = &self.passwords.breached_file;
        if file.is_empty() {
            return Ok(None);
        }
        let list = BreachedPasswords::open(Path::new(file));
        list.map(Some)
            .with_context(|| format!("passwords.breached_file: {file}"))
    }
}
