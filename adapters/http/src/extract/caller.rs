//! Who is asking: the bearer of an access token.

use application::ports::Bearer;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use domain::user::Caller;

use super::origin::address_of;
use crate::app::App;
use crate::problem::Problem;

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
        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Err(Problem::unauthenticated(
                "an access token is needed: log in first",
            ));
        };
        let token = value
            .to_str()
            .ok()
            .filter(|_| values.next().is_none())
            .and_then(bearer)
            .ok_or_else(|| {
                Problem::unauthenticated("expected `Authorization: Bearer <access token>`")
            })?;
        let mut bearer = app.admit(token).map_err(Problem::bad_token)?;
        bearer.caller.address = address_of(&parts.extensions);
        tracing::Span::current().record("user", tracing::field::display(bearer.caller.user));
        Ok(Self(bearer))
    }
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
