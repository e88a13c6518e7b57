//! What every handler works with.

use std::ops::Deref;
use std::sync::Arc;

use application::Market;

use crate::live::Live;
use crate::settings::HttpSettings;

/// The market, behind one pointer: it is cloned with every request.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

struct Shared {
    market: Market,
    settings: HttpSettings,
    live: Live,
}

impl App {
    pub(crate) fn new(market: Market, settings: HttpSettings, live: Live) -> Self {
        Self(Arc::new(Shared {
            market,
            settings,
            live,
        }))
    }

    pub(crate) fn settings(&self) -> &HttpSettings {
        &self.0.settings
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
