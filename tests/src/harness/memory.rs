//! What only the market in memory can show: every row.

use p2p_application::{Command, CommandError};
use p2p_domain::Refusal;
use p2p_domain::event::FactName;
use p2p_memory::Memory;

use super::Harness;

impl Harness<Memory> {
    /// Carries a command out, wants it to be refused, and makes sure that nothing at all has changed.
    #[track_caller]
    pub fn refused<C: Command>(&self, command: C) -> impl Future<Output = Refusal>
    where
        C::Outcome: std::fmt::Debug,
    {
        let place = std::panic::Location::caller();
        async move {
            let before = self.store.tables();
            let refusal = match self.market.execute(command).await {
                Err(CommandError::Refused(refusal)) => refusal,
                other => panic!("at {place}: a refusal was expected, not {other:?}"),
            };
            assert!(
                before == self.store.tables(),
                "at {place}: {refusal} left a trace"
            );
            refusal
        }
    }

    /// The names of all events so far, in order.
    #[must_use]
    pub fn events(&self) -> Vec<&'static str> {
        let tables = self.store.tables();
        let names = tables.outbox.values().map(|message| {
            let known: Result<FactName, _> = message.name.parse();
            known.expect("the name of an event").name()
        });
        names.collect()
    }

    /// How many events there were so far; see [`Self::events_since`].
    #[must_use]
    pub fn event_count(&self) -> usize {
        self.store.tables().outbox.len()
    }

    /// The names of the events after the first `count`.
    #[must_use]
    pub fn events_since(&self, count: usize) -> Vec<&'static str> {
        self.events().split_off(count)
    }
}
