//! Serving: the services, health and reflection on one port.

use p2p_application::Market;
use p2p_application::limits::Limits;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::{Server, ServerTlsConfig};

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

/// A failure to serve the market over gRPC.
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
            // Clients reset calls whose deadlines pass: all calls of one connection at once are no attack.
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

    /// With rate limits; the default has none.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Its counters.
    #[must_use]
    pub fn stats(&self) -> GrpcStats {
        self.stats.clone()
    }

    /// Serves until told to stop: then health reports it, no further connection is accepted, and running calls may end within
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
        health.check(&market).await;
        let following = health.follow(market.clone(), settings.health_interval, stop.clone());
        let following = tokio::spawn(following);
        let stopped = stop.clone();

        let streams_end = CancellationToken::new();
        let edge = EdgeLayer::new(market, limits, stats, &settings, streams_end.clone());
        let incoming = connections(
            listener,
            settings.max_connections,
            settings.handshake_timeout,
            stop.clone(),
        );
        let stopping = async move {
            stopped.cancelled().await;
            // Health reports it before anything ends. If that fails, the rest ends all the same.
            let _ = following.await;
            streams_end.cancel();
        };
        let serving = server
            .layer(edge)
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, stopping);
        let timeout = async {
            stop.cancelled().await;
            tokio::time::sleep(settings.shutdown_timeout).await;
        };
        tokio::select! {
            served = serving => served.map_err(ServeError::Transport),
            () = timeout => {
                tracing::warn!("some calls did not end in time");
                Ok(())
            }
        }
    }
}

/// The market's services, and the reflection of all services.
fn routes(market: &Market, max_message_bytes: usize) -> Result<Routes, ServeError> {
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
    Ok(
        Routes::new(exchange.max_decoding_message_size(max_message_bytes))
            .add_service(payments.max_decoding_message_size(max_message_bytes))
            .add_service(v1.max_decoding_message_size(max_message_bytes))
            .add_service(alpha.max_decoding_message_size(max_message_bytes)),
    )
}
