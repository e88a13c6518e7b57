//! Who is asking: the bearer of an access token.

use p2p_application::{Caller, Market};
use tonic::Request;
use tonic::codegen::http::Extensions;
use tonic::metadata::MetadataMap;

use crate::client::ClientAddress;
use crate::fault::Fault;
use crate::limits;

/// The caller, as the access token in a call's metadata says, and the address that the call comes from.
pub(crate) async fn caller<T: Sync>(market: &Market, call: &Request<T>) -> Result<Caller, Fault> {
    let caller = admitted(market, call.metadata(), call.extensions());
    limits::count(call.extensions(), caller.as_ref().ok().copied()).await?;
    caller
}

fn admitted(market: &Market, metadata: &MetadataMap, call: &Extensions) -> Result<Caller, Fault> {
    let mut values = metadata.get_all("authorization").iter();
    let Some(value) = values.next() else {
        return Err(Fault::unauthenticated(
            "an access token is needed: log in first",
        ));
    };
    let token = value
        .to_str()
        .ok()
        .filter(|_| values.next().is_none())
        .and_then(bearer)
        .ok_or_else(|| Fault::unauthenticated("expected `authorization: Bearer <access token>`"))?;
    let bearer = market.admit(token).map_err(Fault::bad_token)?;
    tracing::Span::current().record("user", tracing::field::display(bearer.caller.user));
    let client = call.get::<ClientAddress>();
    let address = client.map(|ClientAddress(address)| *address);
    Ok(Caller {
        address: address.filter(|address| !address.is_unspecified()),
        ..bearer.caller
    })
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
