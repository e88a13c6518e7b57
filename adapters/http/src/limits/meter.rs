//! What one request counts towards, and what it was told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use axum::http::request::Parts;
use p2p_application::limits::{Class, LimitDecision, Limits};
use p2p_domain::UserId;
use p2p_edge::{ClientAddress, ProblemDetails};

use super::headers;
use crate::problem::Problem;

/// In the extensions of every request that is limited.
#[derive(Debug, Clone)]
pub(crate) struct RateLimitState(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    class: Class,
    from: ClientAddress,
    answers: Mutex<Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    tightest: Option<LimitDecision>,
    /// Whether the caller was counted: once for each request, however often the handler asks.
    counted: bool,
}

impl RateLimitState {
    /// Counts a request by where it comes from.
    pub(crate) async fn arrival(
        limits: &Limits,
        class: Class,
        from: ClientAddress,
    ) -> (Self, Result<(), Problem>) {
        let asked = limits.arrival(class, from.0).await;
        let answers = Mutex::new(Answers {
            tightest: asked,
            counted: false,
        });
        let meter = Self(Arc::new(Inner {
            class,
            from,
            answers,
        }));
        (meter, admitted(asked))
    }

    /// Counts it by its user, or as a stranger's.
    async fn caller(&self, limits: &Limits, user: Option<UserId>) -> Result<(), Problem> {
        let Inner { class, from, .. } = *self.0;
        if std::mem::replace(&mut self.answers().counted, true) {
            return Ok(());
        }
        let asked = match user {
            Some(user) => limits.user(class, user).await,
            None => limits.stranger(class, from.0).await,
        };
        let mut answers = self.answers();
        answers.tightest = LimitDecision::tighter(answers.tightest, asked);
        admitted(asked)
    }

    /// Writes the tightest of the limits that were asked.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        if let Some(asked) = &self.answers().tightest {
            headers::write(asked, headers);
        }
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.0
            .answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request by the user that its token names; without a good token, by its address once more.
pub(crate) async fn count_caller(
    parts: &Parts,
    limits: &Limits,
    user: Option<UserId>,
) -> Result<(), Problem> {
    match parts.extensions.get::<RateLimitState>() {
        Some(meter) => meter.caller(limits, user).await,
        None => Ok(()),
    }
}

fn admitted(asked: Option<LimitDecision>) -> Result<(), Problem> {
    match asked {
        Some(LimitDecision { allowance, .. }) if !allowance.admitted => {
            let seconds = headers::seconds(allowance.retry_after);
            Err(ProblemDetails::rate_limited(seconds).into())
        }
        _ => Ok(()),
    }
}
