//! Exchangers as clients see them.

use p2p_domain::Exchanger;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire;

/// Where an exchanger's switch is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "exchanger_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "online": true,
    "message": "Exchanger status updated"
}))]
pub(crate) struct ExchangerAnswer {
    exchanger_id: wire::UserId,
    online: bool,
    /// For people.
    message: &'static str,
}

impl ExchangerAnswer {
    pub(crate) const fn of(exchanger: &Exchanger, message: &'static str) -> Self {
        Self {
            exchanger_id: wire::UserId(exchanger.user),
            online: exchanger.online,
            message,
        }
    }
}

/// What the market knows of an exchanger beyond the account.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "exchanger_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "online": true,
    "unanswered": 6,
    "frozen": true,
    "frozen_at": "2025-04-18T15:00:00Z"
}))]
pub(crate) struct ExchangerView {
    exchanger_id: wire::UserId,
    /// Their own switch.
    online: bool,
    /// Offers left unanswered in a row while online.
    unanswered: u32,
    frozen: bool,
    #[schema(required = true)]
    frozen_at: Option<wire::Time>,
}

impl From<Exchanger> for ExchangerView {
    fn from(exchanger: Exchanger) -> Self {
        Self {
            exchanger_id: wire::UserId(exchanger.user),
            online: exchanger.online,
            unanswered: exchanger.unanswered,
            frozen: exchanger.frozen_at.is_some(),
            frozen_at: exchanger.frozen_at.map(wire::Time),
        }
    }
}
