//! The generic cell rate algorithm. The state of a subject is one point in time: when its quota is full again.

use std::time::Duration;

use p2p_domain::Timestamp;

use crate::ports::{Allowance, Quota};

/// Takes one from a quota, if one is left. Returns the decision and when the quota is full again. For a new subject `full_at`
/// is `now`.
#[must_use]
pub fn acquire(full_at: Timestamp, quota: Quota, now: Timestamp) -> (Allowance, Timestamp) {
    let latest = now.after(quota.window());
    // Later than that if the clock was set back or the quota was larger.
    let full_at = full_at.min(latest).max(now);
    let next = full_at.after(quota.interval());
    let admitted = next <= latest;
    let full_at = if admitted { next } else { full_at };
    (Allowance::of(quota, admitted, full_at.since(now)), full_at)
}

impl Allowance {
    /// The decision about a subject whose quota is full after `reset`.
    #[must_use]
    pub fn of(quota: Quota, admitted: bool, reset: Duration) -> Self {
        let available = quota.window().saturating_sub(reset);
        let interval = quota.interval();
        let remaining = available.as_micros().checked_div(interval.as_micros());
        Self {
            admitted,
            quota,
            remaining: remaining
                .and_then(|count| u32::try_from(count).ok())
                .map_or(quota.burst(), |count| count.min(quota.burst())),
            reset,
            retry_after: interval.saturating_sub(available),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    fn quota() -> Quota {
        Quota::new(2, SECOND, 3).unwrap()
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// The decisions at these times, in milliseconds after now.
    fn decisions(times: &[u64]) -> Vec<(bool, u32, Duration, Duration)> {
        let mut full_at = Timestamp::from_micros(0);
        let mut answers = Vec::new();
        for at in times {
            let (answer, then) = acquire(full_at, quota(), NOW.after(millis(*at)));
            full_at = then;
            let Allowance {
                admitted,
                remaining,
                reset,
                retry_after,
                ..
            } = answer;
            answers.push((admitted, remaining, reset, retry_after));
        }
        answers
    }

    #[test]
    fn a_burst_is_admitted_and_then_one_after_each_interval() {
        let zero = Duration::ZERO;
        assert_eq!(
            decisions(&[0, 0, 0, 0, 300, 500, 500, 10_000]),
            [
                (true, 2, millis(500), zero),
                (true, 1, millis(1_000), zero),
                (true, 0, millis(1_500), millis(500)),
                (false, 0, millis(1_500), millis(500)),
                (false, 0, millis(1_200), millis(200)),
                (true, 0, millis(1_500), millis(500)),
                (false, 0, millis(1_500), millis(500)),
                (true, 2, millis(500), zero),
            ]
        );
    }

    #[test]
    fn over_any_time_no_more_is_admitted_than_the_quota_has() {
        let times: Vec<_> = (0..20_000).step_by(7).collect();
        let admitted = decisions(&times).iter().filter(|answer| answer.0).count();
        assert_eq!(admitted, 3 + 19_999 / 500);
    }

    #[test]
    fn a_clock_that_is_set_back_costs_one_window_at_most() {
        let (answer, full_at) = acquire(NOW.after(SECOND * 3_600), quota(), NOW);
        assert!(!answer.admitted);
        assert_eq!(
            (answer.reset, answer.retry_after),
            (millis(1_500), millis(500))
        );
        assert_eq!(full_at, NOW.after(millis(1_500)));
    }

    #[test]
    fn the_largest_quota_does_not_overflow() {
        let end = Timestamp::from_micros(i64::MAX);
        for (count, span, burst) in [
            (1, Duration::MAX, u32::MAX),
            (u32::MAX, SECOND, u32::MAX),
            (u32::MAX, Duration::ZERO, 1),
        ] {
            let quota = Quota::new(count, span, burst).unwrap();
            for now in [NOW, end] {
                assert!(acquire(end, quota, now).1 >= now);
                assert!(acquire(now, quota, now).0.admitted);
            }
        }
    }
}
