//! The trusted gateway: a program in front of the market that answers for who its users are, and names them by the header
//! `X-User-Id`. Off unless the operator says otherwise.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use p2p_domain::UserId;

use crate::extract::peer_of;

const X_USER_ID: HeaderName = HeaderName::from_static("x-user-id");

/// Who is believed about whom a request is from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewaySettings {
    /// From where the gateway connects; where none is listed, from this machine.
    pub addresses: Vec<IpAddr>,
}

impl GatewaySettings {
    fn is_at(&self, peer: IpAddr) -> bool {
        if self.addresses.is_empty() {
            return peer.is_loopback();
        }
        let mut addresses = self.addresses.iter();
        addresses.any(|address| address.to_canonical() == peer)
    }
}

/// Whom the gateway names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    User(UserId),
    /// Nobody's id, or several.
    Nobody,
}

/// Whom the gateway names, where the request comes from it: not from whom somebody else says that it does. From anybody else
/// the header means nothing.
pub(crate) fn named(gateway: Option<&GatewaySettings>, parts: &Parts) -> Option<Named> {
    let gateway = gateway?;
    let mut values = parts.headers.get_all(X_USER_ID).iter();
    let value = values.next()?;
    let peer = peer_of(&parts.extensions)?;
    if !gateway.is_at(peer) {
        return None;
    }
    let id = |value: &HeaderValue| value.to_str().ok()?.trim().parse().ok();
    let user = id(value).filter(|_| values.next().is_none());
    Some(user.map_or(Named::Nobody, Named::User))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_where_it_is_listed_or_on_this_machine() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let here = GatewaySettings::default();
        assert!(here.is_at(address("127.0.0.1")) && here.is_at(address("::1")));
        assert!(!here.is_at(address("10.0.0.7")));
        let there = GatewaySettings {
            addresses: vec![address("::ffff:10.0.0.7")],
        };
        assert!(there.is_at(address("10.0.0.7")));
        assert!(!there.is_at(address("127.0.0.1")) && !there.is_at(address("10.0.0.8")));
    }
}
