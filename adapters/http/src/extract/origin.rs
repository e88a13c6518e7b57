//! From where somebody is asking, as far as the request shows it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use domain::session::Origin;

/// Address and program of whoever asks.
#[derive(Debug, Clone)]
pub(crate) struct AskedFrom(pub(crate) Origin);

impl<S: Send + Sync> FromRequestParts<S> for AskedFrom {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(origin_of(parts)))
    }
}

/// Where a request comes from, and what the program calls itself that sends it.
fn origin_of(parts: &Parts) -> Origin {
    Origin::new(address_of(&parts.extensions), &client(&parts.headers))
}

/// Who asks, by address.
pub(crate) fn address_of(extensions: &Extensions) -> Option<IpAddr> {
    peer_of(extensions)
}

/// The other end of the connection, whoever it may speak for.
pub(crate) fn peer_of(extensions: &Extensions) -> Option<IpAddr> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| peer.ip().to_canonical())
}

fn client(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT);
    agent.map_or_else(String::new, |agent| {
        String::from_utf8_lossy(agent.as_bytes()).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    #[test]
    fn a_program_has_a_name_and_a_peer_one_form_of_its_address() {
        let request = Request::get("/").header("user-agent", "a\tclient/1.0 \u{416}");
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let nowhere = origin_of(&parts);
        assert_eq!(nowhere.address, None);
        assert_eq!(nowhere.client, "aclient/1.0 Ж");
        let peer: SocketAddr = "[::ffff:192.0.2.1]:7".parse().unwrap();
        parts.extensions.insert(ConnectInfo(peer));
        assert_eq!(
            origin_of(&parts).address,
            Some(IpAddr::from([192, 0, 2, 1]))
        );
    }
}
