//! Orders: what somebody buys and pays from the wallet. The payment is asked for by a message and heard of by a message:
//! this module knows nothing of accounts and balances, and could be a service of its own.

mod create;
mod ports;
mod queries;
mod settle;

pub use create::CreateOrder;
pub use ports::{OrderFilter, OrderQueries};
pub use queries::{OrderList, await_order, get_order, list_orders};
pub use settle::{CONSUMER, SettleOrder};
