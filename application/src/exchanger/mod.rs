//! Exchangers: their online switch, their freeze, and the queue of the frozen.

mod ports;
mod queries;
mod switch;
mod unfreeze;

pub use ports::ExchangerQueries;
pub use queries::frozen_exchangers;
pub use switch::SwitchOnline;
pub use unfreeze::UnfreezeExchanger;
