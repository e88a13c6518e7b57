//! Sessions and their tokens as clients see them.

use p2p_application::ports::AccessToken;
use p2p_application::session::LoggedIn;
use p2p_domain::{Session, SessionId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::user::view::UserView;
use crate::wire;

/// The tokens of a session. Secrets: they are shown here and nowhere else.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJhbGciOi…",
    "token_type": "Bearer",
    "expires_at": "2025-04-18T15:15:00Z",
    "refresh_token": "eyJhbGciOi…",
    "session_id": "session_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "user": {
        "user_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
        "email": "ada@example.com",
        "name": "Ada",
        "roles": ["CUSTOMER"],
        "language": "en",
        "created_at": "2025-04-18T15:00:00Z"
    }
}))]
pub(crate) struct TokensAnswer {
    /// To be sent as `Authorization: Bearer …` with every request. A secret.
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// When the access token expires.
    expires_at: wire::Time,
    /// Valid once, for the next tokens: `POST /api/auth/refresh`. A secret.
    refresh_token: String,
    session_id: wire::SessionId,
    user: UserView,
}

impl From<LoggedIn> for TokensAnswer {
    fn from(entered: LoggedIn) -> Self {
        Self {
            access_token: entered.access.token,
            token_type: "Bearer",
            expires_at: wire::Time(entered.access.expires_at),
            refresh_token: entered.refresh.0,
            session_id: wire::SessionId(entered.session.id),
            user: entered.user.into(),
        }
    }
}

/// An access token that says that the second factor was shown just now. A secret: it is shown here and nowhere else.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJhbGciOi…",
    "token_type": "Bearer",
    "expires_at": "2025-04-18T15:15:00Z"
}))]
pub(crate) struct AccessAnswer {
    /// To be sent as `Authorization: Bearer …` from now on. The refresh token stays as it was. A secret.
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// When it expires.
    expires_at: wire::Time,
}

impl From<AccessToken> for AccessAnswer {
    fn from(access: AccessToken) -> Self {
        Self {
            access_token: access.token,
            token_type: "Bearer",
            expires_at: wire::Time(access.expires_at),
        }
    }
}

/// A session of the caller's.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    session_id: wire::SessionId,
    /// Whether it is the one in which this was asked.
    current: bool,
    /// The address from which it was begun; `null` where that is not known.
    #[schema(required = true, example = "198.51.100.7")]
    address: Option<String>,
    /// What the program called itself that began it.
    #[schema(example = "Mozilla/5.0")]
    client: String,
    started_at: wire::Time,
    last_used_at: wire::Time,
    /// When it is over, however much it is used.
    expires_at: wire::Time,
    /// When the second factor was last shown in it.
    #[schema(required = true)]
    proved_at: Option<wire::Time>,
}

impl SessionView {
    /// As it looks from the session in which it is asked for.
    pub(super) fn of(session: Session, current: Option<SessionId>) -> Self {
        Self {
            session_id: wire::SessionId(session.id),
            current: current == Some(session.id),
            address: session.origin.address.map(|address| address.to_string()),
            client: session.origin.client,
            started_at: wire::Time(session.started_at),
            last_used_at: wire::Time(session.last_used_at),
            expires_at: wire::Time(session.expires_at),
            proved_at: session.proved_at.map(wire::Time),
        }
    }
}
