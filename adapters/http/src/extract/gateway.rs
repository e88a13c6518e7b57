//! The trusted gateway: a program in front of the market that answers for who its users are, and names them by the header
//! `X-User-Id`. Off unless the operator says otherwise.

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use p2p_domain::UserId;

use super::origin::peer_of;
use crate::settings::GatewaySettings;

const X_USER_ID: HeaderName = HeaderName::from_static("x-user-id");

/// Whom the gateway names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    User(UserId),
    /// An invalid id, or several.
    Nobody,
}

/// The user whom the gateway names, where the peer of the connection is the gateway. From any other peer the header is ignored.
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
