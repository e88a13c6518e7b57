//! Over gRPC.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use anyhow::Result;
use async_trait::async_trait;
use p2p_grpc::proto::p2p::p2p_exchange_service_client::P2pExchangeServiceClient;
use p2p_grpc::proto::p2p::{
    CancelTransactionRequest, ConfirmPaymentRequest, ConfirmReceiptRequest,
    CreateExchangeOfferRequest, DisputeStatus, ExchangeType, GetTransactionStatusRequest,
    OfferStatus, OpenDisputeRequest, Resolution, ResolveDisputeRequest,
    RespondExchangeOfferRequest, ResponseAction, SetExchangerStatusRequest, Side,
};
use p2p_grpc::proto::payment::v1::payment_service_client::PaymentServiceClient;
use p2p_grpc::proto::payment::v1::{
    AuthorizePaymentRequest, GetAccountBalanceRequest, GetPaymentRequest, PaymentError,
    PaymentErrorCode, PaymentStatus,
};
use p2p_grpc::{GrpcServer, GrpcSettings, GrpcStats};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use tonic_types::StatusExt;

use super::script::Fixture;
use super::{Answer, NewOffer, NewPayment, Transport, Who};

pub(crate) struct OverGrpc {
    channel: Channel,
    stats: GrpcStats,
    statuses: Mutex<BTreeMap<String, BTreeSet<u16>>>,
    /// The server ends with it.
    _stop: DropGuard,
}

impl OverGrpc {
    /// Serves the fixture's market.
    pub(crate) async fn serve(fixture: &Fixture) -> Result<Self> {
        let market = fixture.served.market.clone();
        let server = GrpcServer::new(market, GrpcSettings::default())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stats, stop) = (server.stats(), CancellationToken::new());
        tokio::spawn(server.serve(listener, stop.clone()));
        let endpoint = Endpoint::try_from(format!("http://{address}"))?;
        Ok(Self {
            channel: endpoint.connect().await?,
            stats,
            statuses: Mutex::default(),
            _stop: stop.drop_guard(),
        })
    }

    /// The full names of all methods that were called, and have done what they are for.
    pub(crate) fn done(&self) -> BTreeSet<String> {
        let counts = self.stats.snapshot().into_iter();
        let done = counts.filter(|count| count.code == "OK");
        done.map(|count| count.method.to_owned()).collect()
    }

    fn exchange(&self) -> P2pExchangeServiceClient<Channel> {
        P2pExchangeServiceClient::new(self.channel.clone())
    }

    fn ledger(&self) -> PaymentServiceClient<Channel> {
        PaymentServiceClient::new(self.channel.clone())
    }

    fn answer<T>(
        &self,
        answered: Result<Response<T>, Status>,
        words: impl FnOnce(T) -> Vec<String>,
    ) -> Answer {
        match answered {
            Ok(response) => Answer::Done(words(response.into_inner())),
            Err(status) => {
                let info = status.get_error_details();
                let reason = info.error_info().map(|info| info.reason.clone());
                let code = reason.unwrap_or_else(|| format!("{status:?}"));
                let number = u16::try_from(i32::from(status.code())).unwrap_or_default();
                let mut statuses = self.statuses.lock().unwrap();
                statuses.entry(code.clone()).or_default().insert(number);
                Answer::Refused(code)
            }
        }
    }
}

fn asks<T>(who: Who<'_>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = who {
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    request
}

/// The name without what all names of its enum begin with.
fn of_offer(status: i32) -> String {
    let name = OfferStatus::try_from(status).unwrap().as_str_name();
    name.trim_start_matches("OFFER_STATUS_").to_owned()
}

fn of_dispute(status: i32) -> String {
    let name = DisputeStatus::try_from(status).unwrap().as_str_name();
    name.trim_start_matches("DISPUTE_STATUS_").to_owned()
}

fn of_payment(status: i32) -> String {
    let name = PaymentStatus::try_from(status).unwrap().as_str_name();
    name.trim_start_matches("PAYMENT_STATUS_").to_owned()
}

fn of_error(error: Option<PaymentError>) -> String {
    let code = error.map(|error| PaymentErrorCode::try_from(error.code).unwrap());
    let name = code.map_or("", |code| code.as_str_name());
    name.trim_start_matches("PAYMENT_ERROR_CODE_").to_owned()
}

fn decimal(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

#[async_trait]
impl Transport for OverGrpc {
    async fn create_offer(&self, who: Who<'_>, offer: &NewOffer<'_>) -> Result<(Answer, String)> {
        let kind = format!("EXCHANGE_TYPE_{}", offer.exchange_type);
        let message = CreateExchangeOfferRequest {
            customer_id: offer.customer.unwrap_or_default().to_owned(),
            listing_id: offer.listing.to_owned(),
            amount: offer.amount.to_owned(),
            exchange_type: ExchangeType::from_str_name(&kind).unwrap().into(),
            conditions: String::new(),
        };
        let answered = self
            .exchange()
            .create_exchange_offer(asks(who, message))
            .await;
        let mut id = String::new();
        let answer = self.answer(answered, |made| {
            id = made.offer_id;
            vec![of_offer(made.status), made.message]
        });
        Ok((answer, id))
    }

    async fn respond(&self, who: Who<'_>, offer: &str, accept: bool) -> Result<Answer> {
        let action = if accept {
            ResponseAction::Accept
        } else {
            ResponseAction::Decline
        };
        let message = RespondExchangeOfferRequest {
            offer_id: offer.to_owned(),
            exchanger_id: String::new(),
            action: action.into(),
        };
        let answered = self
            .exchange()
            .respond_exchange_offer(asks(who, message))
            .await;
        Ok(self.answer(answered, |deal| vec![of_offer(deal.status), deal.message]))
    }

    async fn confirm_payment(&self, who: Who<'_>, offer: &str, reference: &str) -> Result<Answer> {
        let message = ConfirmPaymentRequest {
            offer_id: offer.to_owned(),
            payment_reference: reference.to_owned(),
            ..ConfirmPaymentRequest::default()
        };
        let answered = self.exchange().confirm_payment(asks(who, message)).await;
        Ok(self.answer(answered, |deal| vec![of_offer(deal.status), deal.message]))
    }

    async fn confirm_receipt(&self, who: Who<'_>, offer: &str) -> Result<Answer> {
        let message = ConfirmReceiptRequest {
            offer_id: offer.to_owned(),
            ..ConfirmReceiptRequest::default()
        };
        let answered = self.exchange().confirm_receipt(asks(who, message)).await;
        Ok(self.answer(answered, |deal| vec![of_offer(deal.status), deal.message]))
    }

    async fn open_dispute(
        &self,
        who: Who<'_>,
        offer: &str,
        reason: &str,
    ) -> Result<(Answer, String)> {
        let message = OpenDisputeRequest {
            offer_id: offer.to_owned(),
            opened_by: Side::Unspecified.into(),
            reason: reason.to_owned(),
        };
        let answered = self.exchange().open_dispute(asks(who, message)).await;
        let mut id = String::new();
        let answer = self.answer(answered, |made| {
            id = made.dispute_id;
            vec![of_dispute(made.status), made.message]
        });
        Ok((answer, id))
    }

    async fn status(&self, who: Who<'_>, offer: &str) -> Result<Answer> {
        let offer_id = offer.to_owned();
        let message = GetTransactionStatusRequest { offer_id };
        let answered = self
            .exchange()
            .get_transaction_status(asks(who, message))
            .await;
        Ok(self.answer(answered, |deal| vec![of_offer(deal.status), deal.details]))
    }

    async fn set_online(&self, who: Who<'_>, exchanger: &str, online: bool) -> Result<Answer> {
        let message = SetExchangerStatusRequest {
            exchanger_id: exchanger.to_owned(),
            online,
        };
        let answered = self
            .exchange()
            .set_exchanger_status(asks(who, message))
            .await;
        Ok(self.answer(answered, |switch| {
            vec![switch.online.to_string(), switch.message]
        }))
    }

    async fn cancel(&self, who: Who<'_>, offer: &str, by: Option<&str>) -> Result<Answer> {
        let side = format!("SIDE_{}", by.unwrap_or("UNSPECIFIED"));
        let message = CancelTransactionRequest {
            offer_id: offer.to_owned(),
            cancelled_by: Side::from_str_name(&side).unwrap().into(),
            reason: "no time".to_owned(),
        };
        let answered = self.exchange().cancel_transaction(asks(who, message)).await;
        Ok(self.answer(answered, |deal| vec![of_offer(deal.status), deal.message]))
    }

    async fn resolve(
        &self,
        who: Who<'_>,
        dispute: &str,
        resolution: &str,
        payer_amount: Option<&str>,
    ) -> Result<Answer> {
        let name = format!("RESOLUTION_{resolution}");
        let message = ResolveDisputeRequest {
            dispute_id: dispute.to_owned(),
            admin_id: String::new(),
            resolution: Resolution::from_str_name(&name).unwrap().into(),
            comment: "as it is".to_owned(),
            payer_amount: payer_amount.unwrap_or_default().to_owned(),
        };
        let answered = self.exchange().resolve_dispute(asks(who, message)).await;
        Ok(self.answer(answered, |made| vec![of_dispute(made.status), made.message]))
    }

    async fn authorize(&self, who: Who<'_>, payment: &NewPayment<'_>) -> Result<(Answer, String)> {
        let message = AuthorizePaymentRequest {
            idempotency_key: payment.key.to_owned(),
            payer_account_id: payment.payer.to_owned(),
            payee_account_id: payment.payee.to_owned(),
            amount_cents: payment.minor,
            currency: payment.currency.to_owned(),
            description: "lunch".to_owned(),
        };
        let answered = self.ledger().authorize_payment(asks(who, message)).await;
        let mut id = String::new();
        let answer = self.answer(answered, |made| {
            id = made.payment_id;
            vec![of_payment(made.status), of_error(made.error)]
        });
        Ok((answer, id))
    }

    async fn get_payment(&self, who: Who<'_>, payment: &str) -> Result<Answer> {
        let payment_id = payment.to_owned();
        let message = GetPaymentRequest { payment_id };
        let answered = self.ledger().get_payment(asks(who, message)).await;
        Ok(self.answer(answered, |known| {
            let amount = decimal(known.amount_cents);
            let status = of_payment(known.status);
            vec![status, amount, known.currency, known.description]
        }))
    }

    async fn balance(&self, who: Who<'_>, account: &str) -> Result<Answer> {
        let account_id = account.to_owned();
        let message = GetAccountBalanceRequest { account_id };
        let answered = self.ledger().get_account_balance(asks(who, message)).await;
        Ok(self.answer(answered, |known| {
            let (available, held) = (decimal(known.available_cents), decimal(known.held_cents));
            vec![available, held, known.currency]
        }))
    }

    fn statuses(&self) -> BTreeMap<String, BTreeSet<u16>> {
        self.statuses.lock().unwrap().clone()
    }
}
