//! Who is asking: the bearer of an access token, or whoever the trusted gateway names.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use p2p_application::ports::Bearer;
use p2p_domain::refusal::AccessRefusal;
use p2p_domain::user::Caller;
use p2p_domain::{Refusal, UserId};

use super::origin::address_of;
use crate::app::App;
use crate::gateway::{self, Named};
use crate::limits::count_caller;
use crate::problem::{Problem, storage_failed};

/// The caller, as the access token says. A route that takes it is closed to everybody without a valid token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Auth(pub(crate) Caller);

impl FromRequestParts<App> for Auth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Bearing(bearer) = Bearing::from_request_parts(parts, app).await?;
        Ok(Self(bearer.caller))
    }
}

/// The caller, and until when the access token is good: for answers that outlast a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bearing(pub(crate) Bearer);

impl FromRequestParts<App> for Bearing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let bearer = bearing(parts, app).await;
        let user = bearer.as_ref().ok().map(|bearer| bearer.caller.user);
        count_caller(parts, app, user).await?;
        bearer.map(Self)
    }
}

/// Whoever the access token names, if it is good, or for whom the gateway answers.
async fn bearing(parts: &Parts, app: &App) -> Result<Bearer, Problem> {
    let named = gateway::named(app.settings().gateway.as_ref(), parts);
    let mut bearer = match (token(&parts.headers)?, named) {
        (Some(token), named) => {
            let bearer = app.admit(token).map_err(Problem::bad_token)?;
            let same = Named::User(bearer.caller.user);
            if named.is_some_and(|named| named != same) {
                return Err(Refusal::Access(AccessRefusal::IdentityMismatch).into());
            }
            bearer
        }
        (None, Some(Named::User(user))) => vouched_for(app, user).await?,
        (None, Some(Named::Nobody)) => return Err(Problem::unauthenticated(UNKNOWN)),
        (None, None) => {
            return Err(Problem::unauthenticated(
                "an access token is needed: log in first",
            ));
        }
    };
    bearer.caller.address = address_of(&parts.extensions);
    tracing::Span::current().record("user", tracing::field::display(bearer.caller.user));
    Ok(bearer)
}

const UNKNOWN: &str = "the gateway names nobody who has an account";

/// Somebody for whom the gateway answers: with the roles that they have now, and without a second factor.
async fn vouched_for(app: &App, user: UserId) -> Result<Bearer, Problem> {
    let found = app.queries().find_user(user).await;
    let user = found.map_err(|error| storage_failed(&error))?;
    let user = user.ok_or_else(|| Problem::unauthenticated(UNKNOWN))?;
    let now = app.now();
    Ok(Bearer {
        caller: Caller::new(user.id, user.roles),
        issued_at: now,
        // For what outlasts a request: as long as a token would be good.
        expires_at: now.after(app.tokens().lifetime()),
    })
}

/// The access token, if there is one.
fn token(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let value = value.to_str().ok().filter(|_| values.next().is_none());
    let token = value.and_then(bearer);
    token
        .map(Some)
        .ok_or_else(|| Problem::unauthenticated("expected `Authorization: Bearer <access token>`"))
}

/// Whether the session in which somebody asked is known to have ended since: for answers that outlast a moment.
pub(crate) fn has_logged_out(app: &App, caller: Caller) -> bool {
    let session = caller.session;
    session.is_some_and(|session| app.revocations().has_ended(session))
}

/// The token behind the scheme, whose name has no case.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn the_scheme_has_no_case_and_the_token_is_not_empty() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        for bad in ["Bearer", "Bearer ", "Basic abc", "abc", ""] {
            assert_eq!(bearer(bad), None, "{bad:?}");
        }
    }
}
