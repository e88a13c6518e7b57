//! What every handler works with.

use std::ops::Deref;
use std::sync::Arc;

use p2p_application::Market;

use crate::limits::Classes;
use crate::live::Live;
use crate::middleware::Shield;
use crate::settings::HttpSettings;

/// The market, behind one pointer: it is cloned with every request.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

struct Shared {
    market: Market,
    settings: HttpSettings,
    live: Live,
    classes: Classes,
    shield: Shield,
}

impl App {
    pub(crate) fn new(
        market: Market,
        settings: HttpSettings,
        live: Live,
        classes: Classes,
    ) -> Self {
        Self(Arc::new(Shared {
            shield: Shield::new(settings.hsts_seconds),
            market,
            settings,
            live,
            classes,
        }))
    }

    pub(crate) fn settings(&self) -> &HttpSettings {
        &self.0.settings
    }

    /// Which class every request is of.
    pub(crate) fn classes(&self) -> &Classes {
        &self.0.classes
    }

    /// The headers of every answer.
    pub(crate) fn shield(&self) -> &Shield {
        &self.0.shield
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }
}

impl Deref for App {
    type Target = Market;

    fn deref(&self) -> &Market {
        &self.0.market
    }
}
