//! A market in memory, served over gRPC on a port of its own, with people in it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use p2p_application::limits::{Limits, Quotas};
use p2p_application::listing::PublishListing;
use p2p_application::mail::MailQueue;
use p2p_application::user::RegisterUser;
use p2p_application::wallet::Deposit;
use p2p_application::{Caller, Command, Market, MarketPorts, PipelineSettings};
use p2p_domain::user::Email;
use p2p_domain::{
    Account, AccountId, AccountKey, Asset, ExchangeType, ListingId, Policy, Role, Roles, Timestamp,
};
use p2p_grpc::proto::p2p::p2p_exchange_service_client::P2pExchangeServiceClient;
use p2p_grpc::proto::p2p::{
    self, ConfirmPaymentRequest, CreateExchangeOfferRequest, OpenDisputeRequest,
    RespondExchangeOfferRequest, ResponseAction, SetExchangerStatusRequest,
};
use p2p_grpc::proto::payment::v1::payment_service_client::PaymentServiceClient;
use p2p_grpc::{GrpcServer, GrpcSettings, GrpcStats, ServeError};
use p2p_memory::{
    InsecurePasswords, InsecureSecondFactors, InsecureTokens, ManualClock, Memory, SequentialIds,
};
use p2p_system::InProcessLimits;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorInfo, StatusExt};

/// When every test begins: 2025-04-18T15:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_744_988_400_000_000);

/// How long everybody's token is good.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// A market that is served.
pub(crate) struct Scene {
    pub(crate) market: Market,
    pub(crate) memory: Memory,
    pub(crate) clock: ManualClock,
    pub(crate) address: SocketAddr,
    pub(crate) channel: Channel,
    pub(crate) stats: GrpcStats,
    pub(crate) stop: CancellationToken,
    pub(crate) served: JoinHandle<Result<(), ServeError>>,
    admin: Person,
}

/// Somebody with a token.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) caller: Caller,
    pub(crate) token: String,
}

impl Person {
    pub(crate) fn id(&self) -> String {
        self.caller.user.to_string()
    }

    /// A request of theirs.
    pub(crate) fn asks<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let value = format!("Bearer {}", self.token).parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        request
    }

    /// The same under an idempotency key.
    pub(crate) fn asks_once<T>(&self, key: &str, message: T) -> Request<T> {
        let mut request = self.asks(message);
        let key = key.parse().unwrap();
        request.metadata_mut().insert("idempotency-key", key);
        request
    }
}

/// A deal and its two sides.
pub(crate) struct Deal {
    pub(crate) customer: Person,
    pub(crate) exchanger: Person,
    pub(crate) offer: String,
}

/// Settings under which health is looked at often.
pub(crate) fn settings() -> GrpcSettings {
    GrpcSettings {
        health_interval: Duration::from_millis(10),
        ..GrpcSettings::default()
    }
}

impl Scene {
    pub(crate) async fn open() -> Self {
        Self::under(settings(), Policy::default()).await
    }

    /// The same, by other rules.
    pub(crate) async fn under(settings: GrpcSettings, policy: Policy) -> Self {
        Self::limited(settings, policy, Quotas::default()).await
    }

    /// The same, with limits of how often somebody may call.
    pub(crate) async fn limited(settings: GrpcSettings, policy: Policy, quotas: Quotas) -> Self {
        let memory = Memory::looking();
        let clock = ManualClock::at(START);
        let ports = MarketPorts {
            store: Arc::new(memory.clone()),
            queries: Arc::new(memory.clone()),
            maintenance: Arc::new(memory.clone()),
            clock: Arc::new(clock.clone()),
            ids: Arc::new(SequentialIds::default()),
            passwords: Arc::new(InsecurePasswords::default()),
            tokens: Arc::new(InsecureTokens::lasting(LIFETIME)),
            second_factors: Arc::new(InsecureSecondFactors),
            mail: MailQueue::closed(),
        };
        let (market, _) = Market::open(ports, policy, PipelineSettings::default());
        let admin = registered(&market, "admin", [Role::Admin]).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limiter = InProcessLimits::new(Arc::new(clock.clone()));
        let server = GrpcServer::new(market.clone(), settings).unwrap();
        let server = server.with_limits(Limits::new(Arc::new(limiter), quotas));
        let stats = server.stats();
        let stop = CancellationToken::new();
        let served = tokio::spawn(server.serve(listener, stop.clone()));
        let endpoint = Endpoint::try_from(format!("http://{address}")).unwrap();
        Self {
            market,
            memory,
            clock,
            address,
            channel: endpoint.connect_lazy(),
            stats,
            stop,
            served,
            admin,
        }
    }

    pub(crate) fn exchange(&self) -> P2pExchangeServiceClient<Channel> {
        P2pExchangeServiceClient::new(self.channel.clone())
    }

    pub(crate) fn payments(&self) -> PaymentServiceClient<Channel> {
        PaymentServiceClient::new(self.channel.clone())
    }

    /// Registers somebody and hands them a token.
    pub(crate) async fn person<const N: usize>(&self, name: &str, roles: [Role; N]) -> Person {
        registered(&self.market, name, roles).await
    }

    pub(crate) async fn customer(&self, name: &str) -> Person {
        self.person(name, [Role::Customer]).await
    }

    /// An exchanger who is online.
    pub(crate) async fn exchanger(&self, name: &str) -> Person {
        let exchanger = self.person(name, [Role::Exchanger]).await;
        let request = SetExchangerStatusRequest {
            exchanger_id: String::new(),
            online: true,
        };
        let request = exchanger.asks(request);
        let answer = self.exchange().set_exchanger_status(request).await;
        assert!(answer.unwrap().into_inner().online);
        exchanger
    }

    pub(crate) fn admin(&self) -> Person {
        self.admin.clone()
    }

    pub(crate) async fn done<C: Command>(&self, command: C) -> C::Outcome {
        self.market.execute(command).await.unwrap()
    }

    /// Money for somebody's wallet.
    pub(crate) async fn deposit(&self, to: &Person, amount: &str, asset: Asset) -> Account {
        self.done(Deposit {
            caller: self.admin.caller,
            user: to.caller.user,
            asset,
            amount: amount.parse().unwrap(),
        })
        .await
    }

    /// Somebody's account in an asset.
    pub(crate) fn account(&self, of: &Person, asset: Asset) -> Account {
        let tables = self.memory.tables();
        let key = AccountKey::user(of.caller.user, asset);
        *tables
            .accounts
            .values()
            .find(|account| account.key == key)
            .unwrap()
    }

    pub(crate) fn account_id(&self, of: &Person, asset: Asset) -> AccountId {
        self.account(of, asset).id
    }

    /// Available and held USDT, in minor units.
    pub(crate) fn usdt(&self, of: &Person) -> (i64, i64) {
        let account = self.account(of, Asset::Usdt);
        (account.available().minor(), account.held().minor())
    }

    /// 500 USDT at 0.995 EUR, from 10 to 400 EUR at a time.
    pub(crate) async fn listing(&self, by: &Person, exchange_type: ExchangeType) -> ListingId {
        let decimal = |text: &str| text.parse().unwrap();
        let command = PublishListing {
            id: self.market.fresh(),
            caller: by.caller,
            exchange_type,
            asset: Asset::Usdt,
            fiat: Asset::Eur,
            price: decimal("0.995"),
            total: decimal("500"),
            min: decimal("10"),
            max: decimal("400"),
            payment_methods: vec!["SEPA".to_owned()],
            payment_window: None,
            terms: String::new(),
        };
        self.done(command).await.id
    }

    /// A deal of 100 USDT that is PENDING; both sides have 1000.
    pub(crate) async fn deal(&self, exchange_type: ExchangeType) -> Deal {
        let exchanger = self.exchanger("anna").await;
        let customer = self.customer("boris").await;
        self.deposit(&exchanger, "1000", Asset::Usdt).await;
        self.deposit(&customer, "1000", Asset::Usdt).await;
        let listing = self.listing(&exchanger, exchange_type).await;
        let request = customer.asks(offer_on(listing, exchange_type));
        let answer = self.exchange().create_exchange_offer(request).await;
        Deal {
            customer,
            exchanger,
            offer: answer.unwrap().into_inner().offer_id,
        }
    }

    /// The same, APPROVED.
    pub(crate) async fn approved(&self, exchange_type: ExchangeType) -> Deal {
        let deal = self.deal(exchange_type).await;
        let request = deal.exchanger.asks(respond(&deal, ResponseAction::Accept));
        self.exchange()
            .respond_exchange_offer(request)
            .await
            .unwrap();
        deal
    }

    /// The same, in dispute: the customer has opened it.
    pub(crate) async fn disputed(&self, exchange_type: ExchangeType) -> (Deal, String) {
        let deal = self.approved(exchange_type).await;
        let request = deal.customer.asks(complaint(&deal));
        let answer = self.exchange().open_dispute(request).await.unwrap();
        (deal, answer.into_inner().dispute_id)
    }
}

async fn registered<const N: usize>(market: &Market, name: &str, roles: [Role; N]) -> Person {
    let email = Email::new(&format!("{name}@example.org"));
    let roles = Roles::from(roles);
    let command = RegisterUser::new(market.ids(), email, name.to_owned(), roles, None);
    let user = market.execute(command).await.unwrap().id;
    signed_in(
        market,
        Caller::new(user, roles).proved(Timestamp::from_micros(i64::MAX)),
    )
}

/// A token that is good for an hour from now on.
pub(crate) fn signed_in(market: &Market, caller: Caller) -> Person {
    let access = market.tokens().issue(caller, market.now()).unwrap();
    Person {
        caller,
        token: access.token,
    }
}

pub(crate) fn offer_on(
    listing: ListingId,
    exchange_type: ExchangeType,
) -> CreateExchangeOfferRequest {
    CreateExchangeOfferRequest {
        customer_id: String::new(),
        listing_id: listing.to_string(),
        amount: "100.0".to_owned(),
        exchange_type: match exchange_type {
            ExchangeType::CryptoToFiat => p2p::ExchangeType::Crypto2fiat,
            ExchangeType::FiatToCrypto => p2p::ExchangeType::Fiat2crypto,
        }
        .into(),
        conditions: String::new(),
    }
}

pub(crate) fn respond(deal: &Deal, action: ResponseAction) -> RespondExchangeOfferRequest {
    RespondExchangeOfferRequest {
        offer_id: deal.offer.clone(),
        exchanger_id: String::new(),
        action: action.into(),
    }
}

pub(crate) fn paid(deal: &Deal) -> ConfirmPaymentRequest {
    ConfirmPaymentRequest {
        offer_id: deal.offer.clone(),
        payment_reference: "tx_abc123".to_owned(),
        ..ConfirmPaymentRequest::default()
    }
}

pub(crate) fn complaint(deal: &Deal) -> OpenDisputeRequest {
    OpenDisputeRequest {
        offer_id: deal.offer.clone(),
        opened_by: p2p::Side::Unspecified.into(),
        reason: "The fiat has not arrived".to_owned(),
    }
}

/// That a call was refused with this status and this stable code.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(
    answer: Result<Response<T>, Status>,
    code: Code,
    reason: &str,
) -> ErrorInfo {
    let status = answer.unwrap_err();
    let info = status.get_details_error_info();
    let info = info.expect("details with a code");
    assert_eq!((status.code(), info.reason.as_str()), (code, reason));
    assert_eq!(info.domain, "p2p-market");
    assert_ne!(status.message(), "");
    info
}

/// The same, of a request whose fields can't be used: which, and why.
#[track_caller]
pub(crate) fn violations<T: std::fmt::Debug>(
    answer: Result<Response<T>, Status>,
    reason: &str,
) -> Vec<(String, String)> {
    let status = answer.unwrap_err();
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(info.reason, reason, "{status:?}");
    let violations = &details.bad_request().unwrap().field_violations;
    assert!(violations.iter().all(|one| !one.description.is_empty()));
    violations
        .iter()
        .map(|one| (one.field.clone(), one.reason.clone()))
        .collect()
}

/// Whether an answer was given before.
pub(crate) fn is_replayed(metadata: &tonic::metadata::MetadataMap) -> bool {
    metadata
        .get("idempotency-replayed")
        .is_some_and(|value| value == "true")
}
