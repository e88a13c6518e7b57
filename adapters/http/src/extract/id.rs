//! The id in a route's path.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::{IdError, TypedId};

use crate::problem::Problem;
use crate::wire::id_fault;

/// The one id of the path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathId<T>(pub(crate) T);

impl<T: TypedId, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let malformed = || {
            malformed(&IdError::Malformed {
                expected: T::PREFIX,
            })
        };
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| malformed())?;
        let (_, text) = params.iter().next().ok_or_else(malformed)?;
        text.parse()
            .map(Self)
            .map_err(|error| self::malformed(&error))
    }
}

fn malformed(error: &IdError) -> Problem {
    let fault = id_fault(error);
    let title = "The id in the path can't be used";
    Problem::new(StatusCode::BAD_REQUEST, fault.code, title, fault.message)
}
