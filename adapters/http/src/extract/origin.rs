//! The origin of a request: the client's address and user agent.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use p2p_domain::session::Origin;

use p2p_edge::{ClientAddress, Peer};

/// The client's address and user agent.
#[derive(Debug, Clone)]
pub(crate) struct ClientOrigin(pub(crate) Origin);

impl<S: Send + Sync> FromRequestParts<S> for ClientOrigin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(origin_of(parts)))
    }
}

/// Where a request comes from, and what the program calls itself that sends it.
fn origin_of(parts: &Parts) -> Origin {
    Origin::new(address_of(&parts.extensions), &client(&parts.headers))
}

/// The client's address, as the outer layer determined it.
pub(crate) fn address_of(extensions: &Extensions) -> Option<IpAddr> {
    let found = extensions.get::<ClientAddress>();
    found
        .map(|ClientAddress(address)| *address)
        .filter(|address| !address.is_unspecified())
}

/// The peer of the connection, which may be a proxy.
pub(crate) fn peer_of(extensions: &Extensions) -> Option<IpAddr> {
    let peer = extensions.get::<ConnectInfo<Peer>>();
    peer.map(|ConnectInfo(Peer(peer))| peer.ip().to_canonical())
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
    fn a_program_has_a_name_and_an_address_if_it_is_known() {
        let request = Request::get("/").header("user-agent", "a\tclient/1.0 \u{416}");
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let nowhere = origin_of(&parts);
        assert_eq!(nowhere.address, None);
        assert_eq!(nowhere.client, "aclient/1.0 Ж");
        let mut from = |address: &str| {
            let address = ClientAddress(address.parse().unwrap());
            parts.extensions.insert(address);
            origin_of(&parts).address
        };
        assert_eq!(from("192.0.2.1"), Some(IpAddr::from([192, 0, 2, 1])));
        assert_eq!(from("::"), None);
    }

    #[test]
    fn a_peer_is_itself_whoever_it_speaks_for() {
        let mut extensions = Extensions::new();
        assert_eq!(peer_of(&extensions), None);
        let peer = "[::ffff:192.0.2.1]:7".parse().unwrap();
        extensions.insert(ConnectInfo(Peer(peer)));
        extensions.insert(ClientAddress(IpAddr::from([198, 51, 100, 7])));
        assert_eq!(peer_of(&extensions), Some(IpAddr::from([192, 0, 2, 1])));
    }
}
