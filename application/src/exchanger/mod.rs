//! Exchangers: their online switch, their freeze, and the list of frozen ones.

mod ports;
mod queries;
mod switch;
mod unfreeze;

pub use ports::ExchangerQueries;
pub use queries::frozen_exchangers;
pub use switch::SwitchOnline;
pub use unfreeze::UnfreezeExchanger;
