//! What every handler works with.

use std::ops::Deref;
use std::sync::Arc;

use application::Market;

use crate::settings::HttpSettings;

/// The market, behind one pointer: it is cloned with every request.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

struct Shared {
    market: Market,
    settings: HttpSettings,
}

impl App {
    pub(crate) fn new(market: Market, settings: HttpSettings) -> Self {
        Self(Arc::new(Shared { market, settings }))
    }

    pub(crate) fn settings(&self) -> &HttpSettings {
        &self.0.settings
    }
}

impl Deref for App {
    type Target = Market;

    fn deref(&self) -> &Market {
        &self.0.market
    }
}
