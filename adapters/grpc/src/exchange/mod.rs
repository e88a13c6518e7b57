//! `p2p.P2PExchangeService`: deals and disputes.

mod convert;
mod service;

use p2p_application::{Caller, Market};
use prost::Message;
use tonic::Request;
use tonic::server::NamedService;

use crate::idempotency::Once;
use crate::proto::p2p::p2p_exchange_service_server::P2pExchangeServiceServer;
use crate::rpc_error::RpcError;

/// The service over a market.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    market: Market,
}

/// The service as it is named in the contract.
pub(crate) const NAME: &str = <P2pExchangeServiceServer<Exchange> as NamedService>::NAME;

impl Exchange {
    pub(crate) const fn new(market: Market) -> Self {
        Self { market }
    }

    /// The caller of a change, its message, and its execution.
    async fn change<T: Message>(
        &self,
        method: &str,
        request: Request<T>,
    ) -> Result<(Caller, Once, T), RpcError> {
        let caller = crate::auth::caller(&self.market, &request).await?;
        let operation = format!("/{NAME}/{method}");
        let once = Once::of(request.metadata(), operation, request.get_ref())?;
        Ok((caller, once, request.into_inner()))
    }
}
