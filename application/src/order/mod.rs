//! Orders: purchases paid from the buyer's wallet. Messages ask for the payment and report its result: this module knows nothing
//! of accounts and balances, and could be a service of its own.

mod consumer;
mod create;
mod ports;
mod queries;
mod settle;

pub use consumer::OrderResults;
pub use create::CreateOrder;
pub use ports::{OrderFilter, OrderQueries};
pub use queries::{OrderList, await_order, get_order, list_orders};
pub use settle::{CONSUMER, SettleOrder};

use p2p_domain::Order;

use crate::engine::Related;

impl Related for Order {}
