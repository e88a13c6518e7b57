//! Settings that production mode refuses. All violations are reported at once, and no secret is shown.

use std::net::IpAddr;

use anyhow::{Result, ensure};
use url::Url;

use super::access::Mode;
use super::mail::{Mail, MailKind};
use super::{Config, TokenKey};

/// Parts of public secrets, from manuals and examples.
const KNOWN: [&str; 16] = [
    "secret",
    "changeme",
    "change-me",
    "change_me",
    "changeit",
    "replaceme",
    "replace-me",
    "password",
    "passw0rd",
    "example",
    "default",
    "insecure",
    "qwerty",
    "p2p-market",
    "0123456789",
    "123456789",
];

/// Fewer different characters than this hardly come about by chance.
const LEAST_VARIETY: usize = 8;

/// OWASP's recommendations for Argon2id, equally strong: memory in KiB, and passes.
const OWASP: [(u32, u32); 5] = [
    (47_104, 1),
    (19_456, 2),
    (12_288, 3),
    (9_216, 4),
    (7_168, 5),
];

/// How long a second factor that was shown may count, and how long an access token may be good for.
const MOST_PROOF_MINUTES: u64 = 10;
const MOST_TOKEN_MINUTES: u64 = 60;

/// Failed log-ins in a row that OWASP lets pass before something is done.
const MOST_FAILURES: u32 = 100;

/// Passwords that databases and brokers come with.
const DEFAULT_PASSWORDS: [&str; 10] = [
    "",
    "admin",
    "changeme",
    "guest",
    "p2p",
    "p2p-market",
    "password",
    "postgres",
    "rabbitmq",
    "secret",
];

impl Config {
    pub(crate) const fn is_production(&self) -> bool {
        matches!(self.mode, Mode::Production)
    }

    /// In production mode, refuses settings that are too weak for it.
    pub(crate) fn must_be_fit(&self) -> Result<()> {
        if !self.is_production() {
            return Ok(());
        }
        let reasons = self.unfit();
        ensure!(
            reasons.is_empty(),
            "not fit for mode = \"production\":\n  {}",
            reasons.join("\n  ")
        );
        Ok(())
    }

    fn unfit(&self) -> Vec<String> {
        let mut reasons = self.weak_secrets();
        reasons.extend(self.unfit_mail());
        let mut must = |holds: bool, reason: &str| {
            if !holds {
                reasons.push(reason.to_owned());
            }
        };
        must(
            !self.market.faucet,
            "market.faucet lets every user create money",
        );
        must(
            self.auth.staff_second_factor,
            "auth.staff_second_factor must be on: a stolen password of the staff would be enough",
        );
        must(
            self.auth.proof_minutes <= MOST_PROOF_MINUTES,
            "auth.proof_minutes must be 10 at most: a session that is stolen later than that must not move money or rights",
        );
        must(
            self.auth.token_minutes <= MOST_TOKEN_MINUTES,
            "auth.token_minutes must be 60 at most: refresh tokens are for what lasts longer",
        );
        must(
            (1..=MOST_FAILURES).contains(&self.auth.lock_after),
            "auth.lock_after must be between 1 and 100: otherwise passwords could be guessed without end",
        );
        let dear = |(memory, passes)| {
            self.passwords.memory_kib >= memory && self.passwords.passes >= passes
        };
        must(
            OWASP.into_iter().any(dear),
            "passwords.memory_kib and passwords.passes are below what OWASP recommends: 19456 and 2, or as strong",
        );
        must(
            !self.http.cors_origins.iter().any(|origin| origin == "*"),
            "http.cors_origins must name the web pages that may call the API: \"*\" lets all of them",
        );
        must(
            !self.gateway.enabled || !self.gateway.addresses.is_empty(),
            "gateway.addresses must list from where the gateway connects",
        );
        for (name, url, unnamed) in [
            ("database.url", &self.database.url, false),
            // Without a user name the broker assumes the guest.
            ("broker.url", &self.broker.url, true),
            // A Redis without a password accepts every client.
            ("redis.url", &self.redis.url, true),
        ] {
            must(
                !has_default_credentials(url, unnamed),
                &format!("{name} leads to another machine with public credentials"),
            );
        }
        reasons
    }

    fn weak_secrets(&self) -> Vec<String> {
        let auth = &self.auth;
        let mut secrets = vec![("auth.token_secret".to_owned(), &auth.token_secret)];
        if !auth.seal_secret.is_empty() {
            secrets.push(("auth.seal_secret".to_owned(), &auth.seal_secret));
        }
        let old = auth.old_token_secrets.iter();
        secrets.extend(old.map(|(id, secret)| (format!("auth.old_token_secrets.{id}"), secret)));
        let callbacks = self.callbacks.secrets.iter();
        secrets.extend(callbacks.map(|(who, secret)| (format!("callbacks.secrets.{who}"), secret)));
        let told = |(name, secret): (String, &String)| {
            let reason = weakness(secret)?;
            Some(format!("{name} {reason}"))
        };
        secrets.into_iter().filter_map(told).collect()
    }

    fn unfit_mail(&self) -> Vec<String> {
        let mail = &self.mail;
        let mut reasons = Vec::new();
        if !mail.kind.arrives() {
            reasons.push(
                "mail.kind must be \"smtp\" or \"folder\": otherwise users can neither verify an e-mail address nor recover an account"
                    .to_owned(),
            );
        }
        if mail.kind == MailKind::Smtp && mail.from == Mail::DEFAULT_FROM {
            reasons.push("mail.from must be an address of yours".to_owned());
        }
        if mail.kind.arrives() && !mail.links.starts_with("https://") {
            reasons.push(
                "mail.links must begin with https://: links in mails open accounts".to_owned(),
            );
        }
        reasons
    }
}

/// Why a secret is none, if so.
fn weakness(secret: &str) -> Option<&'static str> {
    if secret.is_empty() {
        return Some("must be set");
    }
    if secret.len() < TokenKey::MIN_SECRET {
        return Some("is too short: it must have at least 32 bytes");
    }
    let mut different: Vec<u8> = secret.bytes().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < LEAST_VARIETY || repeats(secret.as_bytes()) {
        return Some("has too little variety: chance makes better ones (`openssl rand -hex 32`)");
    }
    let lower = secret.to_ascii_lowercase();
    KNOWN
        .iter()
        .any(|known| lower.contains(known))
        .then_some("is made of common words: generate one at random (`openssl rand -hex 32`)")
}

/// Whether a shorter text is repeated all through.
fn repeats(secret: &[u8]) -> bool {
    let lengths = 1..=secret.len() / 2;
    lengths.into_iter().any(|length| {
        let rest = secret.get(length..).unwrap_or_default();
        secret.starts_with(rest)
    })
}

/// Whether the URL connects to another machine with a public password. `unnamed`: whether a URL without credentials
/// counts as such.
fn has_default_credentials(url: &str, unnamed: bool) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    // The query part takes precedence, as in PostgreSQL's clients.
    let asked = |names: &[&str]| {
        let asked = url.query_pairs();
        let asked = asked.filter(|(name, _)| names.contains(&name.as_ref()));
        asked.last().map(|(_, value)| value)
    };
    let host = asked(&["host", "hostaddr"]);
    let host = host.unwrap_or_else(|| url.host_str().unwrap_or_default().into());
    let user = asked(&["user"]).unwrap_or_else(|| url.username().into());
    let password = asked(&["password"]).or_else(|| url.password().map(Into::into));
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    let is_here = host.is_empty()
        || host == "localhost"
        // A socket in a folder.
        || host.starts_with('/')
        || host.starts_with("%2F")
        || address.is_ok_and(|address| address.is_loopback());
    if is_here {
        return false;
    }
    match password {
        Some(password) => password == user || DEFAULT_PASSWORDS.contains(&password.as_ref()),
        None => unnamed && user.is_empty(),
    }
}

#[cfg(test)]
mod tests;
