//! The id in a route's path.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use p2p_domain::{IdError, TypedId};

use crate::problem::Problem;

/// The one id of the path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathId<T>(pub(crate) T);

impl<T: TypedId, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let expected = T::PREFIX;
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::bad_id(&IdError::Malformed { expected }))?;
        let text = params.iter().next().map_or("", |(_, text)| text);
        text.parse()
            .map(Self)
            .map_err(|error| Problem::bad_id(&error))
    }
}
