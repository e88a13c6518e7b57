//! One handler for each method.

use p2p_application::offer::{
    AcceptOffer, CancelOffer, ConfirmPayment, ConfirmReceipt, DeclineOffer,
};
use tonic::{Request, Response, Status};

use super::{Exchange, convert};
use crate::proto::p2p::p2p_exchange_service_server::P2pExchangeService;
use crate::proto::p2p::{
    CancelTransactionRequest, CancelTransactionResponse, ConfirmPaymentRequest,
    ConfirmPaymentResponse, ConfirmReceiptRequest, ConfirmReceiptResponse,
    CreateExchangeOfferRequest, CreateExchangeOfferResponse, GetTransactionStatusRequest,
    GetTransactionStatusResponse, OpenDisputeRequest, OpenDisputeResponse, ResolveDisputeRequest,
    ResolveDisputeResponse, RespondExchangeOfferRequest, RespondExchangeOfferResponse,
    ResponseAction, SetExchangerStatusRequest, SetExchangerStatusResponse,
};
use crate::rpc_error::RpcError;

#[tonic::async_trait]
impl P2pExchangeService for Exchange {
    async fn create_exchange_offer(
        &self,
        request: Request<CreateExchangeOfferRequest>,
    ) -> Result<Response<CreateExchangeOfferResponse>, Status> {
        let (caller, once, body) = self.change("CreateExchangeOffer", request).await?;
        let command = convert::create_offer(self.market.fresh(), caller, body)?;
        once.carry_out(&self.market, caller, command, convert::created)
            .await
    }

    async fn respond_exchange_offer(
        &self,
        request: Request<RespondExchangeOfferRequest>,
    ) -> Result<Response<RespondExchangeOfferResponse>, Status> {
        let (caller, once, body) = self.change("RespondExchangeOffer", request).await?;
        let (offer, action) = convert::response(caller, &body)?;
        if action == ResponseAction::Accept {
            let command = AcceptOffer { caller, offer };
            once.carry_out(&self.market, caller, command, convert::accepted)
                .await
        } else {
            let command = DeclineOffer { caller, offer };
            once.carry_out(&self.market, caller, command, convert::declined)
                .await
        }
    }

    async fn confirm_payment(
        &self,
        request: Request<ConfirmPaymentRequest>,
    ) -> Result<Response<ConfirmPaymentResponse>, Status> {
        let (caller, once, body) = self.change("ConfirmPayment", request).await?;
        let command: ConfirmPayment = convert::confirm_payment(caller, body)?;
        once.carry_out(&self.market, caller, command, move |offer| {
            convert::payment_confirmed(&offer, caller)
        })
        .await
    }

    async fn confirm_receipt(
        &self,
        request: Request<ConfirmReceiptRequest>,
    ) -> Result<Response<ConfirmReceiptResponse>, Status> {
        let (caller, once, body) = self.change("ConfirmReceipt", request).await?;
        let command: ConfirmReceipt = convert::confirm_receipt(caller, &body)?;
        once.carry_out(&self.market, caller, command, convert::receipt_confirmed)
            .await
    }

    async fn open_dispute(
        &self,
        request: Request<OpenDisputeRequest>,
    ) -> Result<Response<OpenDisputeResponse>, Status> {
        let (caller, once, body) = self.change("OpenDispute", request).await?;
        let command = convert::open_dispute(self.market.fresh(), caller, body)?;
        once.carry_out(&self.market, caller, command, convert::opened)
            .await
    }

    async fn get_transaction_status(
        &self,
        request: Request<GetTransactionStatusRequest>,
    ) -> Result<Response<GetTransactionStatusResponse>, Status> {
        let caller = crate::auth::caller(&self.market, &request).await?;
        let offer = convert::offer(&request.get_ref().offer_id)?;
        let offer = p2p_application::offer::offer_status(&self.market, caller, offer)
            .await
            .map_err(RpcError::from)?;
        Ok(Response::new(convert::standing(&offer)))
    }

    async fn set_exchanger_status(
        &self,
        request: Request<SetExchangerStatusRequest>,
    ) -> Result<Response<SetExchangerStatusResponse>, Status> {
        let (caller, once, body) = self.change("SetExchangerStatus", request).await?;
        let command = convert::switch(caller, &body)?;
        once.carry_out(&self.market, caller, command, convert::switched)
            .await
    }

    async fn cancel_transaction(
        &self,
        request: Request<CancelTransactionRequest>,
    ) -> Result<Response<CancelTransactionResponse>, Status> {
        let (caller, once, body) = self.change("CancelTransaction", request).await?;
        let command: CancelOffer = convert::cancel(caller, body)?;
        once.carry_out(&self.market, caller, command, convert::cancelled)
            .await
    }

    async fn resolve_dispute(
        &self,
        request: Request<ResolveDisputeRequest>,
    ) -> Result<Response<ResolveDisputeResponse>, Status> {
        let (caller, once, body) = self.change("ResolveDispute", request).await?;
        let command = convert::resolve(caller, body)?;
        once.carry_out(&self.market, caller, command, convert::resolved)
            .await
    }
}
