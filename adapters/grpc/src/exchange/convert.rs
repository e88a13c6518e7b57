//! Messages to commands, and what came of them to messages.

use p2p_application::Caller;
use p2p_application::dispute::{Decision, ResolveDispute};
use p2p_application::exchanger::SwitchOnline;
use p2p_application::offer::{
    CancelOffer, ConfirmPayment, ConfirmReceipt, CreateOffer, OpenDispute, describe,
};
use p2p_domain::dispute::DisputeState;
use p2p_domain::refusal::DisputeRefusal;
use p2p_domain::{
    Actor, Decimal, Dispute, DisputeId, Exchanger, Offer, OfferId, Refusal, Status, UserId,
};

use crate::fields::{self, read_fields};
use crate::proto::p2p::{
    CancelTransactionRequest, CancelTransactionResponse, ConfirmPaymentRequest,
    ConfirmPaymentResponse, ConfirmReceiptRequest, ConfirmReceiptResponse,
    CreateExchangeOfferRequest, CreateExchangeOfferResponse, DisputeStatus, ExchangeType,
    GetTransactionStatusResponse, OfferStatus, OpenDisputeRequest, OpenDisputeResponse, Resolution,
    ResolveDisputeRequest, ResolveDisputeResponse, RespondExchangeOfferRequest,
    RespondExchangeOfferResponse, ResponseAction, SetExchangerStatusRequest,
    SetExchangerStatusResponse, Side,
};
use crate::rpc_error::RpcError;

/// The deal that a request is about.
pub(super) fn offer(text: &str) -> Result<OfferId, RpcError> {
    fields::subject("offer_id", text)
}

pub(super) fn create_offer(
    id: OfferId,
    caller: Caller,
    body: CreateExchangeOfferRequest,
) -> Result<CreateOffer, RpcError> {
    read_fields! {
        customer = fields::optional_id("customer_id", &body.customer_id);
        listing = fields::id("listing_id", &body.listing_id);
        amount = fields::amount("amount", &body.amount);
        exchange_type = fields::choice("exchange_type", body.exchange_type, direction);
        conditions = fields::text("conditions", body.conditions, 0..=2000);
    }
    agree(caller, [customer])?;
    Ok(CreateOffer {
        id,
        caller,
        listing,
        amount,
        exchange_type,
        conditions,
    })
}

pub(super) fn response(
    caller: Caller,
    body: &RespondExchangeOfferRequest,
) -> Result<(OfferId, ResponseAction), RpcError> {
    let offer = offer(&body.offer_id)?;
    read_fields! {
        exchanger = fields::optional_id("exchanger_id", &body.exchanger_id);
        action = fields::choice("action", body.action, said);
    }
    agree(caller, [exchanger])?;
    Ok((offer, action))
}

pub(super) fn confirm_payment(
    caller: Caller,
    body: ConfirmPaymentRequest,
) -> Result<ConfirmPayment, RpcError> {
    let offer = offer(&body.offer_id)?;
    read_fields! {
        exchanger = fields::optional_id("exchanger_id", &body.exchanger_id);
        customer = fields::optional_id("customer_id", &body.customer_id);
        reference = fields::text("payment_reference", body.payment_reference, 1..=200);
    }
    agree(caller, [exchanger, customer])?;
    Ok(ConfirmPayment {
        caller,
        offer,
        reference,
    })
}

pub(super) fn confirm_receipt(
    caller: Caller,
    body: &ConfirmReceiptRequest,
) -> Result<ConfirmReceipt, RpcError> {
    let offer = offer(&body.offer_id)?;
    read_fields! {
        customer = fields::optional_id("customer_id", &body.customer_id);
        exchanger = fields::optional_id("exchanger_id", &body.exchanger_id);
    }
    agree(caller, [customer, exchanger])?;
    Ok(ConfirmReceipt { caller, offer })
}

pub(super) fn open_dispute(
    id: DisputeId,
    caller: Caller,
    body: OpenDisputeRequest,
) -> Result<OpenDispute, RpcError> {
    let offer = offer(&body.offer_id)?;
    read_fields! {
        claimed = fields::optional_choice("opened_by", body.opened_by, side);
        reason = fields::text("reason", body.reason, 1..=2000);
    }
    Ok(OpenDispute {
        id,
        caller,
        offer,
        claimed,
        reason,
    })
}

pub(super) fn switch(
    caller: Caller,
    body: &SetExchangerStatusRequest,
) -> Result<SwitchOnline, RpcError> {
    let exchanger = match body.exchanger_id.as_str() {
        "" => caller.user,
        named => fields::subject("exchanger_id", named)?,
    };
    Ok(SwitchOnline {
        caller,
        exchanger,
        online: body.online,
    })
}

pub(super) fn cancel(
    caller: Caller,
    body: CancelTransactionRequest,
) -> Result<CancelOffer, RpcError> {
    let offer = offer(&body.offer_id)?;
    read_fields! {
        claimed = fields::optional_choice("cancelled_by", body.cancelled_by, side);
        reason = fields::text("reason", body.reason, 1..=2000);
    }
    Ok(CancelOffer {
        caller,
        offer,
        claimed,
        reason,
    })
}

pub(super) fn resolve(
    caller: Caller,
    body: ResolveDisputeRequest,
) -> Result<ResolveDispute, RpcError> {
    let dispute = fields::subject("dispute_id", &body.dispute_id)?;
    read_fields! {
        admin = fields::optional_id("admin_id", &body.admin_id);
        resolution = fields::choice("resolution", body.resolution, decided);
        comment = fields::text("comment", body.comment, 1..=4000);
        payer_amount = fields::optional_amount("payer_amount", &body.payer_amount);
    }
    agree(caller, [admin])?;
    Ok(ResolveDispute {
        caller,
        dispute,
        decision: decision(resolution, payer_amount)?,
        comment,
    })
}

/// Checks that the named author is the caller.
fn agree(caller: Caller, authors: impl IntoIterator<Item = Option<UserId>>) -> Result<(), Refusal> {
    let mut named = authors.into_iter().flatten();
    named.try_for_each(|author| caller.claims_to_be(author))?;
    Ok(())
}

/// An amount belongs to a split, and only there.
fn decision(resolution: Resolution, payer_amount: Option<Decimal>) -> Result<Decision, Refusal> {
    match (resolution, payer_amount) {
        (Resolution::ResolvedFinished, None) => Ok(Decision::Finished),
        (Resolution::ResolvedCancelled, None) => Ok(Decision::Cancelled),
        (Resolution::ResolvedSplit, Some(payer_amount)) => Ok(Decision::Split { payer_amount }),
        _ => Err(Refusal::Dispute(DisputeRefusal::PayerAmountMismatch)),
    }
}

fn direction(exchange_type: ExchangeType) -> Option<p2p_domain::ExchangeType> {
    match exchange_type {
        ExchangeType::Unspecified => None,
        ExchangeType::Crypto2fiat => Some(p2p_domain::ExchangeType::CryptoToFiat),
        ExchangeType::Fiat2crypto => Some(p2p_domain::ExchangeType::FiatToCrypto),
    }
}

fn said(action: ResponseAction) -> Option<ResponseAction> {
    (action != ResponseAction::Unspecified).then_some(action)
}

fn decided(resolution: Resolution) -> Option<Resolution> {
    (resolution != Resolution::Unspecified).then_some(resolution)
}

fn side(side: Side) -> Option<Actor> {
    match side {
        Side::Unspecified => None,
        Side::Customer => Some(Actor::Customer),
        Side::Exchanger => Some(Actor::Exchanger),
    }
}

/// An answer that tells how a deal stands.
macro_rules! told {
    ($answer:ident, $offer:expr, $message:expr) => {
        $answer {
            offer_id: $offer.id.to_string(),
            status: status_of(&$offer).into(),
            message: $message.to_owned(),
        }
    };
}

pub(super) fn created(offer: Offer) -> CreateExchangeOfferResponse {
    let message = "Exchange offer created successfully";
    told!(CreateExchangeOfferResponse, offer, message)
}

pub(super) fn accepted(offer: Offer) -> RespondExchangeOfferResponse {
    let message = "Exchange offer accepted";
    told!(RespondExchangeOfferResponse, offer, message)
}

pub(super) fn declined(offer: Offer) -> RespondExchangeOfferResponse {
    let message = "Exchange offer declined";
    told!(RespondExchangeOfferResponse, offer, message)
}

pub(super) fn payment_confirmed(offer: &Offer, by: Caller) -> ConfirmPaymentResponse {
    let message = match offer.side_of(by.user) {
        Some(Actor::Exchanger) => "Payment confirmed by exchanger",
        _ => "Payment confirmed by customer",
    };
    told!(ConfirmPaymentResponse, offer, message)
}

pub(super) fn receipt_confirmed(offer: Offer) -> ConfirmReceiptResponse {
    let message = "Fiat received, transaction completed";
    told!(ConfirmReceiptResponse, offer, message)
}

pub(super) fn cancelled(offer: Offer) -> CancelTransactionResponse {
    let message = match offer.status() {
        Status::Cancelled => "Transaction cancelled",
        _ => "Cancellation proposed; the other side must agree",
    };
    told!(CancelTransactionResponse, offer, message)
}

pub(super) fn standing(offer: &Offer) -> GetTransactionStatusResponse {
    GetTransactionStatusResponse {
        offer_id: offer.id.to_string(),
        status: status_of(offer).into(),
        details: describe(offer),
    }
}

pub(super) fn opened(dispute: Dispute) -> OpenDisputeResponse {
    OpenDisputeResponse {
        dispute_id: dispute.id.to_string(),
        status: stage_of(&dispute).into(),
        message: "Dispute opened successfully".to_owned(),
    }
}

pub(super) fn resolved(dispute: Dispute) -> ResolveDisputeResponse {
    ResolveDisputeResponse {
        dispute_id: dispute.id.to_string(),
        status: stage_of(&dispute).into(),
        message: "Dispute resolved by admin".to_owned(),
    }
}

pub(super) fn switched(exchanger: Exchanger) -> SetExchangerStatusResponse {
    SetExchangerStatusResponse {
        exchanger_id: exchanger.user.to_string(),
        online: exchanger.online,
        message: "Exchanger status updated".to_owned(),
    }
}

const fn status_of(offer: &Offer) -> OfferStatus {
    match offer.status() {
        Status::Pending => OfferStatus::Pending,
        Status::Approved => OfferStatus::Approved,
        Status::PaymentConfirmed => OfferStatus::PaymentConfirmed,
        Status::ReceiptConfirmed => OfferStatus::ReceiptConfirmed,
        Status::DisputeOpen => OfferStatus::DisputeOpen,
        Status::Finished => OfferStatus::Finished,
        Status::Declined => OfferStatus::Declined,
        Status::Cancelled => OfferStatus::Cancelled,
    }
}

const fn stage_of(dispute: &Dispute) -> DisputeStatus {
    match dispute.state {
        DisputeState::Open => DisputeStatus::DisputeOpen,
        DisputeState::Resolved { .. } => DisputeStatus::DisputeResolved,
    }
}
