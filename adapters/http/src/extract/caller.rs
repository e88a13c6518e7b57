//! The caller: the bearer of an access token, or the user whom the trusted gateway names.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use p2p_application::ports::Bearer;
use p2p_domain::refusal::AccessRefusal;
use p2p_domain::user::Caller;
use p2p_domain::{Refusal, UserId};
use p2p_edge::ProblemDetails;

use super::gateway::{self, Named};
use super::origin::address_of;
use crate::app::App;
use crate::limits::count_caller;
use crate::problem::{Problem, storage_failed};

/// The caller, as the access token says. A route that takes it requires a valid token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Auth(pub(crate) Caller);

impl FromRequestParts<App> for Auth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let BearerAuth(bearer) = BearerAuth::from_request_parts(parts, app).await?;
        Ok(Self(bearer.caller))
    }
}

/// The caller, and when the access token expires: for streamed responses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BearerAuth(pub(crate) Bearer);

impl FromRequestParts<App> for BearerAuth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let bearer = authenticate(parts, app).await;
        let user = bearer.as_ref().ok().map(|bearer| bearer.caller.user);
        count_caller(parts, &app.state().limits, user).await?;
        bearer.map(Self)
    }
}

/// The bearer of a valid access token, or the user whom the gateway names.
async fn authenticate(parts: &Parts, app: &App) -> Result<Bearer, Problem> {
    let named = gateway::named(app.settings().gateway.as_ref(), parts);
    let mut bearer = match (token(&parts.headers)?, named) {
        (Some(token), named) => {
            let bearer = app.market().admit(token).map_err(Problem::bad_token)?;
            let same = Named::User(bearer.caller.user);
            if named.is_some_and(|named| named != same) {
                return Err(Refusal::Access(AccessRefusal::IdentityMismatch).into());
            }
            bearer
        }
        (None, Some(Named::User(user))) => named_by_gateway(app, user).await?,
        (None, Some(Named::Nobody)) => return Err(ProblemDetails::unauthenticated(UNKNOWN).into()),
        (None, None) => {
            let detail = "an access token is needed: log in first";
            return Err(ProblemDetails::unauthenticated(detail).into());
        }
    };
    bearer.caller.address = address_of(&parts.extensions);
    tracing::Span::current().record("user", tracing::field::display(bearer.caller.user));
    Ok(bearer)
}

const UNKNOWN: &str = "the gateway names nobody who has an account";

/// The user whom the gateway names: with their stored roles, and without a second factor.
async fn named_by_gateway(app: &App, user: UserId) -> Result<Bearer, Problem> {
    let found = app.market().queries().find_user(user).await;
    let user = found.map_err(|error| storage_failed(&error))?;
    let user = user.ok_or_else(|| ProblemDetails::unauthenticated(UNKNOWN))?;
    let now = app.market().now();
    Ok(Bearer {
        caller: Caller::new(user.id, user.roles),
        issued_at: now,
        // For what outlasts a request: as long as a token would be good.
        expires_at: now.after(app.market().tokens().lifetime()),
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
    token.map(Some).ok_or_else(|| {
        ProblemDetails::unauthenticated("expected `Authorization: Bearer <access token>`").into()
    })
}

/// Whether the caller's session is known to have ended: for streamed responses.
pub(crate) fn has_logged_out(app: &App, caller: Caller) -> bool {
    let session = caller.session;
    session.is_some_and(|session| app.market().revocations().has_ended(session))
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
