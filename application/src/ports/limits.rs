//! Quotas, and the counting of what is taken from them.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use async_trait::async_trait;
use p2p_domain::UserId;

/// A rate: a burst at once, and one more after each interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    interval: Duration,
    burst: u32,
}

impl Quota {
    /// `count` per `span` on average, and `burst` at once; `None` if the count is 0, which means no limit.
    #[must_use]
    pub fn new(count: u32, span: Duration, burst: u32) -> Option<Self> {
        let interval = span.checked_div(count)?;
        Some(Self {
            interval,
            burst: burst.max(1),
        })
    }

    /// The average interval.
    #[must_use]
    pub const fn interval(self) -> Duration {
        self.interval
    }

    /// How many at once while the quota is full.
    #[must_use]
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// How long an exhausted quota takes to become full.
    #[must_use]
    pub const fn window(self) -> Duration {
        self.interval.saturating_mul(self.burst)
    }
}

/// The subject whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    User(UserId),
    /// See [`Subject::address`].
    Address(IpAddr),
}

impl Subject {
    /// The subject of an address, by its [`source_of`].
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        Self::Address(source_of(address))
    }
}

/// The source that an address belongs to. For IPv6 it is the /64 network: its owner has all of its addresses.
#[must_use]
pub fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 => v4,
    }
}

/// The key under which a quota is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitKey {
    /// The name of the limit.
    pub limit: &'static str,
    pub subject: Subject,
}

/// The decision about one more request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    pub admitted: bool,
    pub quota: Quota,
    /// How many more are allowed at once.
    pub remaining: u32,
    /// How long until the quota is full, if nothing is taken.
    pub reset: Duration,
    /// How long until the next one is admitted; zero if it is now.
    pub retry_after: Duration,
}

/// Counts what is taken from quotas. Every adapter promises:
///
/// * under one key no more is admitted than the quota allows, however many requests come at the same time;
/// * keys are independent, and an idle subject has the full quota;
/// * a request that is not admitted takes nothing;
/// * the decision comes soon, whatever is wrong: an adapter that can't count exactly approximates, and admits rather than
///   refuse for a failure of its own;
/// * memory is bounded, whatever the number of subjects.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one from the quota under this key, if one is left.
    async fn acquire(&self, key: LimitKey, quota: Quota) -> Allowance;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_subject_and_ipv4_is_ipv4() {
        let subject = |text: &str| Subject::address(text.parse().unwrap());
        assert_eq!(subject("2001:db8:1:2::7"), subject("2001:db8:1:2:ffff::1"));
        assert_ne!(subject("2001:db8:1:2::7"), subject("2001:db8:1:3::7"));
        assert_eq!(subject("::ffff:192.0.2.1"), subject("192.0.2.1"));
        assert_ne!(subject("192.0.2.2"), subject("192.0.2.1"));
    }

    #[test]
    fn zero_is_no_quota() {
        let second = Duration::from_secs(1);
        assert_eq!(Quota::new(0, second, 5), None);
        let quota = Quota::new(50, second, 200).unwrap();
        assert_eq!(quota.interval(), Duration::from_millis(20));
        assert_eq!(quota.window(), Duration::from_secs(4));
        assert_eq!(Quota::new(1, second, 0).unwrap().burst(), 1);
    }
}
