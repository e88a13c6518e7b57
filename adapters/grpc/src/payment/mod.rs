//! `payment.v1.PaymentService`: payments from account to account, and balances.

mod convert;

use p2p_application::Market;
use p2p_application::payment::{account_balance, authorize_payment, get_payment};
use tonic::server::NamedService;
use tonic::{Request, Response, Status};

use crate::auth::caller;
use crate::fields;
use crate::idempotency::mark_replayed;
use crate::proto::payment::v1::payment_service_server::{PaymentService, PaymentServiceServer};
use crate::proto::payment::v1::{
    AuthorizePaymentRequest, AuthorizePaymentResponse, GetAccountBalanceRequest,
    GetAccountBalanceResponse, GetPaymentRequest, GetPaymentResponse,
};
use crate::rpc_error::RpcError;

/// The service over a market.
#[derive(Debug, Clone)]
pub(crate) struct Payments {
    market: Market,
}

/// The service as it is named in the contract.
pub(crate) const NAME: &str = <PaymentServiceServer<Payments> as NamedService>::NAME;

impl Payments {
    pub(crate) const fn new(market: Market) -> Self {
        Self { market }
    }
}

#[tonic::async_trait]
impl PaymentService for Payments {
    async fn authorize_payment(
        &self,
        request: Request<AuthorizePaymentRequest>,
    ) -> Result<Response<AuthorizePaymentResponse>, Status> {
        let caller = caller(&self.market, &request).await?;
        let command = convert::authorize(self.market.fresh(), caller, request.into_inner())?;
        let authorized = authorize_payment(&self.market, command)
            .await
            .map_err(RpcError::from)?;
        let mut response = Response::new(convert::authorized(&authorized));
        if authorized.duplicate {
            mark_replayed(response.metadata_mut());
        }
        Ok(response)
    }

    async fn get_payment(
        &self,
        request: Request<GetPaymentRequest>,
    ) -> Result<Response<GetPaymentResponse>, Status> {
        let caller = caller(&self.market, &request).await?;
        let payment = fields::subject("payment_id", &request.get_ref().payment_id)?;
        let payment = get_payment(&self.market, caller, payment)
            .await
            .map_err(RpcError::from)?;
        Ok(Response::new(convert::payment(payment)))
    }

    async fn get_account_balance(
        &self,
        request: Request<GetAccountBalanceRequest>,
    ) -> Result<Response<GetAccountBalanceResponse>, Status> {
        let caller = caller(&self.market, &request).await?;
        let account = fields::subject("account_id", &request.get_ref().account_id)?;
        let account = account_balance(&self.market, caller, account)
            .await
            .map_err(RpcError::from)?;
        Ok(Response::new(convert::balance(&account)))
    }
}
