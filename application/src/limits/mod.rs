//! How often somebody may ask: which quotas there are, whose asking counts towards which of them, and what was refused.
//!
//! Everybody's requests count towards the quota of their address; beyond that those of a user towards the user's, by what
//! they do, and those of strangers towards their address's once more.

mod asked;
pub mod gcra;
mod payer;
mod refused;

pub use asked::Asked;
pub use payer::PayerLimits;
pub use refused::Refused;

use std::net::IpAddr;
use std::sync::Arc;

use p2p_domain::UserId;

use crate::ports::{LimitKey, Quota, RateLimiter, Subject};
use refused::Counters;

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Looks at something.
    Read,
    /// Changes something.
    Write,
    /// Has payments authorized, over gRPC: services do for many. Those that come to a decision are also limited by their payer.
    Pay,
    /// Opens a stream of news.
    Stream,
    /// Wants to be let in: nobody is known yet.
    Login,
    /// Reports what has happened outside, signed.
    Callback,
}

impl Class {
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::Write,
        Self::Pay,
        Self::Stream,
        Self::Login,
        Self::Callback,
    ];

    /// What its limit is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Pay => "pay",
            Self::Stream => "stream",
            Self::Login => "login",
            Self::Callback => "callback",
        }
    }

    /// Whether it counts by whoever has logged in; otherwise by the address alone.
    const fn is_of_users(self) -> bool {
        matches!(self, Self::Read | Self::Write | Self::Pay | Self::Stream)
    }
}

/// What the limit of all that comes from one address is called.
const ADDRESS: &str = "address";

/// How much there is of each. The default limits nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotas {
    /// By user; for strangers by address.
    pub read: Option<Quota>,
    pub write: Option<Quota>,
    pub pay: Option<Quota>,
    pub stream: Option<Quota>,
    /// By address.
    pub login: Option<Quota>,
    pub callback: Option<Quota>,
    /// Of an address, all classes but callbacks together: there may be many users behind it.
    pub address: Option<Quota>,
}

impl Quotas {
    const fn of(&self, class: Class) -> Option<Quota> {
        match class {
            Class::Read => self.read,
            Class::Write => self.write,
            Class::Pay => self.pay,
            Class::Stream => self.stream,
            Class::Login => self.login,
            Class::Callback => self.callback,
        }
    }
}

/// The limits of a running market, the same for all of its interfaces. Cheap to clone; the default limits nothing.
#[derive(Clone, Default)]
pub struct Limits(Option<Arc<Shared>>);

struct Shared {
    limiter: Arc<dyn RateLimiter>,
    quotas: Quotas,
    refused: Counters,
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let quotas = self.0.as_ref().map(|shared| shared.quotas);
        f.debug_tuple("Limits").field(&quotas).finish()
    }
}

impl Limits {
    #[must_use]
    pub fn new(limiter: Arc<dyn RateLimiter>, quotas: Quotas) -> Self {
        Self((quotas != Quotas::default()).then(|| {
            Arc::new(Shared {
                limiter,
                quotas,
                refused: Counters::default(),
            })
        }))
    }

    /// Whether there is any limit at all.
    #[must_use]
    pub const fn are_off(&self) -> bool {
        self.0.is_none()
    }

    /// Somebody asks, and nothing is known of them but the address. `None`: there is no limit.
    pub async fn arrival(&self, class: Class, from: IpAddr) -> Option<Asked> {
        let everything = match (class, &self.0) {
            (Class::Callback, _) | (_, None) => None,
            (_, Some(shared)) => shared.quotas.address,
        };
        let everything = self.take(class, ADDRESS, everything, from).await;
        if class.is_of_users() || everything.is_some_and(|asked| !asked.allowance.admitted) {
            return everything;
        }
        Asked::tighter(everything, self.stranger(class, from).await)
    }

    /// It is this user who asks.
    pub async fn user(&self, class: Class, user: UserId) -> Option<Asked> {
        let shared = self.0.as_ref()?;
        let quota = shared.quotas.of(class)?;
        let subject = Subject::User(user);
        Some(shared.take(class, class.name(), quota, subject).await)
    }

    /// It is nobody that is known who asks.
    pub async fn stranger(&self, class: Class, from: IpAddr) -> Option<Asked> {
        let quota = self.0.as_ref()?.quotas.of(class);
        self.take(class, class.name(), quota, from).await
    }

    /// What was refused so far, for whoever shows it.
    #[must_use]
    pub fn refused(&self) -> Vec<Refused> {
        let shared = self.0.as_ref();
        shared.map_or_else(Vec::new, |shared| shared.refused.snapshot())
    }

    async fn take(
        &self,
        class: Class,
        limit: &'static str,
        quota: Option<Quota>,
        from: IpAddr,
    ) -> Option<Asked> {
        let subject = Subject::address(from);
        let shared = self.0.as_ref()?;
        Some(shared.take(class, limit, quota?, subject).await)
    }
}

impl Shared {
    async fn take(
        &self,
        class: Class,
        limit: &'static str,
        quota: Quota,
        subject: Subject,
    ) -> Asked {
        let allowance = self
            .limiter
            .acquire(LimitKey { limit, subject }, quota)
            .await;
        if !allowance.admitted {
            self.refused.count(class, subject);
        }
        Asked { limit, allowance }
    }
}

#[cfg(test)]
mod tests;
