//! `RateLimit-Policy` and `RateLimit`, as the IETF's draft (draft-ietf-httpapi-ratelimit-headers) has them.

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use p2p_application::limits::LimitDecision;

pub(crate) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(crate) const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Tells of a limit: how much there is of it in which time, and how much is left until when.
pub(super) fn write(asked: &LimitDecision, headers: &mut HeaderMap) {
    let LimitDecision { limit, allowance } = asked;
    let quota = allowance.quota;
    let (burst, window) = (quota.burst(), seconds(quota.window()));
    let (remaining, reset) = (allowance.remaining, seconds(allowance.reset));
    for (name, value) in [
        (POLICY, format_args!("\"{limit}\";q={burst};w={window}")),
        (STATE, format_args!("\"{limit}\";r={remaining};t={reset}")),
    ] {
        // It fits: for every answer, this is worth a thought.
        let mut text = String::with_capacity(64);
        let written = text.write_fmt(value);
        if let (Ok(()), Ok(value)) = (written, HeaderValue::try_from(text)) {
            headers.insert(name, value);
        }
    }
}

/// Whole ones, rounded up.
pub(super) const fn seconds(span: Duration) -> u64 {
    match span.subsec_nanos() {
        0 => span.as_secs(),
        _ => span.as_secs().saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_application::ports::{Allowance, Quota};

    #[test]
    fn a_limit_is_told_in_whole_seconds() {
        let quota = Quota::new(20, Duration::from_secs(1), 50).unwrap();
        let allowance = Allowance::of(quota, true, Duration::from_millis(50));
        let limit = "write";
        let mut headers = HeaderMap::new();
        write(&LimitDecision { limit, allowance }, &mut headers);
        assert_eq!(headers[POLICY], "\"write\";q=50;w=3");
        assert_eq!(headers[STATE], "\"write\";r=49;t=1");
    }
}
