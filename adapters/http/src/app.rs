//! The state of every handler.

use std::sync::Arc;

use p2p_application::Market;
use p2p_edge::SecurityHeaders;

use crate::policy::Policies;
use crate::server_state::ServerState;
use crate::settings::HttpSettings;

/// The market and the state of its server, behind one pointer: it is cloned with every request.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

struct Shared {
    market: Market,
    settings: HttpSettings,
    state: ServerState,
    policies: Policies,
    security_headers: SecurityHeaders,
}

impl App {
    pub(crate) fn new(
        market: Market,
        settings: HttpSettings,
        state: ServerState,
        policies: Policies,
    ) -> Self {
        Self(Arc::new(Shared {
            security_headers: SecurityHeaders::new(settings.hsts_seconds),
            market,
            settings,
            state,
            policies,
        }))
    }

    pub(crate) fn market(&self) -> &Market {
        &self.0.market
    }

    pub(crate) fn settings(&self) -> &HttpSettings {
        &self.0.settings
    }

    /// The policy of every operation.
    pub(crate) fn policies(&self) -> &Policies {
        &self.0.policies
    }

    /// The security headers of every answer.
    pub(crate) fn security_headers(&self) -> &SecurityHeaders {
        &self.0.security_headers
    }

    /// What the API shares with the rest of the program.
    pub(crate) fn state(&self) -> &ServerState {
        &self.0.state
    }
}
