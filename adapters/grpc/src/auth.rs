//! The caller of a method: the bearer of an access token.

use p2p_application::{Caller, Market};
use tonic::Request;
use tonic::codegen::http::Extensions;
use tonic::metadata::MetadataMap;

use crate::limits;
use crate::rpc_error::RpcError;
use p2p_edge::ClientAddress;

/// The caller, as the access token in a call's metadata says, and the address that the call comes from.
pub(crate) async fn caller<T: Sync>(
    market: &Market,
    call: &Request<T>,
) -> Result<Caller, RpcError> {
    let caller = admitted(market, call.metadata(), call.extensions());
    limits::count(call.extensions(), caller.as_ref().ok().copied()).await?;
    caller
}

fn admitted(
    market: &Market,
    metadata: &MetadataMap,
    call: &Extensions,
) -> Result<Caller, RpcError> {
    let mut values = metadata.get_all("authorization").iter();
    let Some(value) = values.next() else {
        return Err(RpcError::unauthenticated(
            "an access token is needed: log in first",
        ));
    };
    let token = value
        .to_str()
        .ok()
        .filter(|_| values.next().is_none())
        .and_then(bearer)
        .ok_or_else(|| {
            RpcError::unauthenticated("expected `authorization: Bearer <access token>`")
        })?;
    let bearer = market.admit(token).map_err(RpcError::bad_token)?;
    tracing::Span::current().record("user", tracing::field::display(bearer.caller.user));
    let client = call.get::<ClientAddress>();
    Ok(Caller {
        address: client.and_then(|client| client.known()),
        ..bearer.caller
    })
}

/// The token after the scheme, whose case does not matter.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn the_case_of_the_scheme_does_not_matter_and_the_token_is_not_empty() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        for bad in ["Bearer", "Bearer ", "Basic abc", "abc", ""] {
            assert_eq!(bearer(bad), None, "{bad:?}");
        }
    }
}
