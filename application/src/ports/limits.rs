//! Quotas, and who counts what is taken of them.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use async_trait::async_trait;
use p2p_domain::UserId;

/// How often something may be done: so many times at once after a rest, and once more after each interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    interval: Duration,
    burst: u32,
}

impl Quota {
    /// `count` in each `span`, on average, and `burst` of them at once; none, where the count is 0: there is no limit then.
    #[must_use]
    pub fn new(count: u32, span: Duration, burst: u32) -> Option<Self> {
        let interval = span.checked_div(count)?;
        Some(Self {
            interval,
            burst: burst.max(1),
        })
    }

    /// Between two, on average.
    #[must_use]
    pub const fn interval(self) -> Duration {
        self.interval
    }

    /// How many at once, after a rest.
    #[must_use]
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// How long the rest is after as many as there may be at once.
    #[must_use]
    pub const fn window(self) -> Duration {
        self.interval.saturating_mul(self.burst)
    }
}

/// Whose doing is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    User(UserId),
    /// See [`Subject::address`].
    Address(IpAddr),
}

impl Subject {
    /// By [`source_of`] the address.
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        Self::Address(source_of(address))
    }
}

/// Where somebody is. Of IPv6 the network counts: whoever has one address of a /64 has all of them.
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

/// What a quota is counted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitKey {
    /// Which limit it is.
    pub limit: &'static str,
    pub subject: Subject,
}

/// The answer to who wants one more of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    pub admitted: bool,
    pub quota: Quota,
    /// How many more there may be at once, from now on.
    pub remaining: u32,
    /// Until the whole quota is there again, if nothing is taken.
    pub reset: Duration,
    /// Until the next one is admitted; zero where it is now.
    pub retry_after: Duration,
}

/// Counts what is taken of quotas. Every adapter promises:
///
/// * under one key a quota gives what it has and no more, however many take of it at the same time;
/// * keys do not meet each other, and a subject at rest has the whole quota;
/// * what is not admitted takes nothing;
/// * there is an answer before long, whatever is wrong: an adapter that can't count as it should counts as well as it can,
///   and admits rather than refuse for reasons of its own;
/// * memory is bounded, whoever asks.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one of the quota under this key, if there is one left.
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
