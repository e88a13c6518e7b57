//! Rate limits: the quotas, which requests count towards them, and how many were refused.
//!
//! Every request counts towards the quota of its address. Beyond that, the requests of a user count towards the user's quota of
//! their class, and anonymous requests towards their address's quota of their class.

mod asked;
pub mod gcra;
mod payer;
mod refused;

pub use asked::LimitDecision;
pub use payer::PayerLimits;
pub use refused::Refused;

use std::net::IpAddr;
use std::sync::Arc;

use p2p_domain::UserId;

use crate::ports::{LimitKey, Quota, RateLimiter, Subject};
use refused::Counters;

/// Classes of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Reads.
    Read,
    /// Changes.
    Write,
    /// Authorizes payments over gRPC: services do so for many users. Decided payments are also limited by payer.
    Pay,
    /// Opens a stream of events.
    Stream,
    /// Authenticates: the user is not known yet.
    Login,
    /// Signed reports of payment providers.
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

    /// The name of its limit.
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

    /// Whether it counts by user once the user is known; otherwise by address alone.
    const fn is_of_users(self) -> bool {
        matches!(self, Self::Read | Self::Write | Self::Pay | Self::Stream)
    }
}

/// The name of the limit of all requests from one address.
const ADDRESS: &str = "address";

/// The quotas. The default limits nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotas {
    /// By user; anonymous requests by address.
    pub read: Option<Quota>,
    pub write: Option<Quota>,
    pub pay: Option<Quota>,
    pub stream: Option<Quota>,
    /// By address.
    pub login: Option<Quota>,
    pub callback: Option<Quota>,
    /// By address, all classes except callbacks together. Many users may share an address.
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

/// The limits of a running market, shared by all transports. Cheap to clone; the default limits nothing.
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

    /// Counts a request of which only the address is known. `None`: there is no limit.
    pub async fn arrival(&self, class: Class, from: IpAddr) -> Option<LimitDecision> {
        let overall = match (class, &self.0) {
            (Class::Callback, _) | (_, None) => None,
            (_, Some(shared)) => shared.quotas.address,
        };
        let overall = self.acquire(class, ADDRESS, overall, from).await;
        if class.is_of_users() || overall.is_some_and(|asked| !asked.allowance.admitted) {
            return overall;
        }
        LimitDecision::tighter(overall, self.stranger(class, from).await)
    }

    /// Counts a request of this user.
    pub async fn user(&self, class: Class, user: UserId) -> Option<LimitDecision> {
        let shared = self.0.as_ref()?;
        let quota = shared.quotas.of(class)?;
        let subject = Subject::User(user);
        Some(shared.acquire(class, class.name(), quota, subject).await)
    }

    /// Counts an anonymous request.
    pub async fn stranger(&self, class: Class, from: IpAddr) -> Option<LimitDecision> {
        let quota = self.0.as_ref()?.quotas.of(class);
        self.acquire(class, class.name(), quota, from).await
    }

    /// How many requests were refused so far.
    #[must_use]
    pub fn refused(&self) -> Vec<Refused> {
        let shared = self.0.as_ref();
        shared.map_or_else(Vec::new, |shared| shared.refused.snapshot())
    }

    async fn acquire(
        &self,
        class: Class,
        limit: &'static str,
        quota: Option<Quota>,
        from: IpAddr,
    ) -> Option<LimitDecision> {
        let subject = Subject::address(from);
        let shared = self.0.as_ref()?;
        Some(shared.acquire(class, limit, quota?, subject).await)
    }
}

impl Shared {
    async fn acquire(
        &self,
        class: Class,
        limit: &'static str,
        quota: Quota,
        subject: Subject,
    ) -> LimitDecision {
        let allowance = self
            .limiter
            .acquire(LimitKey { limit, subject }, quota)
            .await;
        if !allowance.admitted {
            self.refused.count(class, subject);
        }
        LimitDecision { limit, allowance }
    }
}

#[cfg(test)]
mod tests;
