//! Accounts of people as clients see them.

use p2p_domain::{Exchanger, Role, Roles, User};
use serde::Serialize;
use utoipa::ToSchema;

use crate::exchanger::view::ExchangerView;
use crate::wire;

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "user_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "email": "ada@example.com",
    "name": "Ada",
    "roles": ["CUSTOMER"],
    "language": "en",
    "created_at": "2025-04-18T15:00:00Z"
}))]
pub(crate) struct UserView {
    user_id: wire::UserId,
    email: String,
    name: String,
    roles: Vec<wire::Role>,
    language: wire::Language,
    created_at: wire::Time,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            user_id: wire::UserId(user.id),
            email: user.email.as_str().to_owned(),
            name: user.name,
            roles: user.roles.iter().map(wire::Role).collect(),
            language: wire::Language(user.language),
            created_at: wire::Time(user.created_at),
        }
    }
}

/// An account, with what protects it, and the exchanger's record if it has one.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserDetails {
    #[serde(flatten)]
    user: UserView,
    /// Whether mail to the address is known to reach its owner.
    email_verified: bool,
    /// Whether a second factor is in use.
    second_factor: bool,
    /// `null` for users who have never been exchangers.
    #[schema(required = true)]
    exchanger: Option<ExchangerView>,
}

impl UserDetails {
    pub(super) fn new(user: User, exchanger: Option<Exchanger>, second_factor: bool) -> Self {
        Self {
            email_verified: user.email_verified_at.is_some(),
            user: user.into(),
            second_factor,
            exchanger: exchanger.map(Into::into),
        }
    }
}

/// Roles as they come in a body.
pub(crate) fn roles(names: &[wire::Role]) -> Roles {
    names
        .iter()
        .map(|role: &wire::Role| -> Role { role.0 })
        .collect()
}
