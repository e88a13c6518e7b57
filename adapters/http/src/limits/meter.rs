//! What one request counts towards, and what it was told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use axum::http::request::Parts;
use p2p_application::limits::{Asked, Class, Limits};
use p2p_domain::UserId;
use p2p_edge::{ClientAddress, ProblemDetails};

use super::headers;
use crate::problem::Problem;

/// In the extensions of every request that is limited.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Arc<Metered>);

#[derive(Debug)]
struct Metered {
    class: Class,
    from: ClientAddress,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    tightest: Option<Asked>,
    /// Whether the caller was counted: once for each request, however often the handler asks.
    counted: bool,
}

impl Meter {
    /// Counts a request by where it comes from.
    pub(crate) async fn arrival(
        limits: &Limits,
        class: Class,
        from: ClientAddress,
    ) -> (Self, Result<(), Problem>) {
        let asked = limits.arrival(class, from.0).await;
        let told = Mutex::new(Told {
            tightest: asked,
            counted: false,
        });
        let meter = Self(Arc::new(Metered { class, from, told }));
        (meter, admitted(asked))
    }

    /// Counts it by its user, or as a stranger's.
    async fn caller(&self, limits: &Limits, user: Option<UserId>) -> Result<(), Problem> {
        let Metered { class, from, .. } = *self.0;
        if std::mem::replace(&mut self.told().counted, true) {
            return Ok(());
        }
        let asked = match user {
            Some(user) => limits.user(class, user).await,
            None => limits.stranger(class, from.0).await,
        };
        let mut told = self.told();
        told.tightest = Asked::tighter(told.tightest, asked);
        admitted(asked)
    }

    /// Writes the tightest of the limits that were asked.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        if let Some(asked) = &self.told().tightest {
            headers::write(asked, headers);
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request by the user that its token names; without a good token, by its address once more.
pub(crate) async fn count_caller(
    parts: &Parts,
    limits: &Limits,
    user: Option<UserId>,
) -> Result<(), Problem> {
    match parts.extensions.get::<Meter>() {
        Some(meter) => meter.caller(limits, user).await,
        None => Ok(()),
    }
}

fn admitted(asked: Option<Asked>) -> Result<(), Problem> {
    match asked {
        Some(Asked { allowance, .. }) if !allowance.admitted => {
            let seconds = headers::seconds(allowance.retry_after);
            Err(ProblemDetails::rate_limited(seconds).into())
        }
        _ => Ok(()),
    }
}
