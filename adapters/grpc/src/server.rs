//! Serving: the services, health and reflection on one port.

use p2p_application::Market;
use p2p_application::limits::Limits;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Server, ServerTlsConfig};

use std::time::Duration;

use crate::edge::EdgeLayer;
use crate::exchange::Exchange;
use crate::health::Health;
use crate::incoming::connections;
use crate::payment::Payments;
use crate::proto::DESCRIPTORS;
use crate::proto::p2p::p2p_exchange_service_server::P2pExchangeServiceServer;
use crate::proto::payment::v1::payment_service_server::PaymentServiceServer;
use crate::settings::GrpcSettings;
use crate::stats::GrpcStats;

/// When a connection that is silent at the level of TCP is probed.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Why the market can't be served over gRPC.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the certificate or its key can't be used")]
    Tls(#[source] tonic::transport::Error),
    #[error("the descriptors can't be reflected")]
    Reflection(#[source] tonic_reflection::server::Error),
    #[error("serving failed")]
    Transport(#[source] tonic::transport::Error),
}

/// A market that is ready to be served.
#[derive(Debug)]
pub struct GrpcServer {
    market: Market,
    limits: Limits,
    settings: GrpcSettings,
    stats: GrpcStats,
    server: Server,
}

impl GrpcServer {
    /// Fails if the settings can't be used.
    pub fn new(market: Market, settings: GrpcSettings) -> Result<Self, ServeError> {
        let mut server = Server::builder()
            .max_concurrent_streams(settings.max_concurrent_streams)
            // Calls whose deadlines pass are reset by their clients: those of one connection, all at once, are no attack.
            .http2_max_pending_accept_reset_streams(Some(
                usize::try_from(settings.max_concurrent_streams).unwrap_or(usize::MAX),
            ))
            .max_connection_age(settings.max_connection_age)
            .http2_keepalive_interval(Some(settings.keep_alive_interval))
            .http2_keepalive_timeout(Some(settings.keep_alive_timeout));
        if let Some(identity) = &settings.tls {
            let identity =
                tonic::transport::Identity::from_pem(&identity.certificate, &identity.key);
            let tls = ServerTlsConfig::new()
                .identity(identity)
                .timeout(settings.handshake_timeout);
            server = server.tls_config(tls).map_err(ServeError::Tls)?;
        }
        Ok(Self {
            market,
            limits: Limits::default(),
            settings,
            stats: GrpcStats::default(),
            server,
        })
    }

    /// With limits of how often somebody may call; without them there are none.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// What it counts.
    #[must_use]
    pub fn stats(&self) -> GrpcStats {
        self.stats.clone()
    }

    /// Serves until told to stop: then health says so, no connection is taken any more, and running calls may end, within
    /// the configured time.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), ServeError> {
        let Self {
            market,
            limits,
            settings,
            stats,
            server,
        } = self;
        let (reporter, health_service) = tonic_health::server::health_reporter();
        let routes = routes(&market, settings.max_message_bytes)?
            .add_service(health_service.max_decoding_message_size(settings.max_message_bytes));
        let mut health = Health::new(reporter).await;
        health.look(&market).await;
        let following = health.follow(market.clone(), settings.health_interval, stop.clone());
        let following = tokio::spawn(following);
        let told = stop.clone();

        let streams_end = CancellationToken::new();
        let edge = EdgeLayer::new(market, limits, stats, &settings, streams_end.clone());
        let incoming = TcpIncoming::from(listener)
            .with_nodelay(Some(true))
            .with_keepalive(Some(TCP_KEEP_ALIVE));
        let incoming = connections(
            incoming,
            settings.max_connections,
            settings.handshake_timeout,
            stop.clone(),
        );
        let stopping = async move {
            told.cancelled().await;
            // Health says so before anything ends; without it the rest ends all the same.
            let _ = following.await;
            streams_end.cancel();
        };
        let serving = server
            .layer(edge)
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, stopping);
        let patience = async {
            stop.cancelled().await;
            tokio::time::sleep(settings.shutdown_patience).await;
        };
        tokio::select! {
            served = serving => served.map_err(ServeError::Transport),
            () = patience => {
                tracing::warn!("some calls did not end in time");
                Ok(())
            }
        }
    }
}

/// The market's services, and the reflection of all that there are.
fn routes(market: &Market, most: usize) -> Result<Routes, ServeError> {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let v1 = reflection().build_v1().map_err(ServeError::Reflection)?;
    let alpha = reflection()
        .build_v1alpha()
        .map_err(ServeError::Reflection)?;
    let exchange = P2pExchangeServiceServer::new(Exchange::new(market.clone()));
    let payments = PaymentServiceServer::new(Payments::new(market.clone()));
    Ok(Routes::new(exchange.max_decoding_message_size(most))
        .add_service(payments.max_decoding_message_size(most))
        .add_service(v1.max_decoding_message_size(most))
        .add_service(alpha.max_decoding_message_size(most)))
}
