//! Serving: start, serve, and stop without losing an accepted request.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use p2p_application::notification::Hub;
use p2p_application::ports::Broker;
use p2p_application::{Market, Sweeper, audit_log};
use p2p_grpc::GrpcServer;
use p2p_http::{CallCount, Calls, ServerState};
use p2p_persistence::Database;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::background::Background;
use crate::config::Config;
use crate::wiring::{self, Keys};

/// A market that is ready to serve.
pub(crate) struct Server {
    pub(crate) market: Market,
    worker: JoinHandle<()>,
    database: Database,
    broker: Arc<dyn Broker>,
    /// Sends queued mail.
    sending: Option<JoinHandle<()>>,
    listener: TcpListener,
    /// The gRPC server, if it is enabled.
    grpc: Option<(GrpcServer, TcpListener)>,
    config: Config,
}

/// Serves the configured market.
pub(crate) async fn run(config: Config) -> Result<ExitCode> {
    config.must_be_fit()?;
    if config.market.faucet {
        tracing::warn!("market.faucet: every client that reaches this server can create money");
    }
    let server = Server::open(config).await?;
    if let Some(address) = server.grpc_address()? {
        println!("p2p-market serves at grpc://{address}");
    }
    println!("p2p-market serves at http://{}", server.address()?);
    server.serve().await
}

impl Server {
    /// Opens the database, migrates its schema if so configured, and binds the ports.
    pub(crate) async fn open(config: Config) -> Result<Self> {
        let keys = Keys::configured(&config)?;
        let database = wiring::database(&config).await?;
        if config.database.migrate_on_start {
            database
                .migrate()
                .await
                .context("the schema can't be brought up to date")?;
        }
        let (mail, sending) = wiring::mail_queue(&config)?;
        let (market, worker) = wiring::market(&config, &database, &keys, mail)?;
        let broker = wiring::broker(&config, &database)?;
        if config.broker.url.is_empty() && !config.database.url.starts_with("sqlite:") {
            tracing::warn!("without broker.url this must be the only process at its database");
        }
        if config.is_production() && config.passwords.breached_file.is_empty() {
            tracing::warn!(
                "without passwords.breached_file only the commonest passwords of past leaks are refused"
            );
        }
        let listener = TcpListener::bind(config.http.bind)
            .await
            .with_context(|| format!("http.bind: {} can't be listened on", config.http.bind))?;
        let grpc = if config.grpc.enabled {
            let server = GrpcServer::new(market.clone(), config.grpc()?).context("grpc")?;
            let listener = TcpListener::bind(config.grpc.bind)
                .await
                .with_context(|| format!("grpc.bind: {} can't be listened on", config.grpc.bind))?;
            Some((server, listener))
        } else {
            None
        };
        Ok(Self {
            market,
            worker,
            database,
            broker,
            sending,
            listener,
            grpc,
            config,
        })
    }

    /// The address of the gRPC server, if it is enabled.
    pub(crate) fn grpc_address(&self) -> Result<Option<std::net::SocketAddr>> {
        let listener = self.grpc.as_ref().map(|(_, listener)| listener);
        Ok(listener.map(TcpListener::local_addr).transpose()?)
    }

    /// The bound address, with the actual port if 0 was configured.
    pub(crate) fn address(&self) -> Result<std::net::SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until a stop signal; then finishes the accepted requests within the configured time. A second signal
    /// ends it at once.
    pub(crate) async fn serve(self) -> Result<ExitCode> {
        let Self {
            market,
            worker,
            database,
            broker,
            sending,
            listener,
            grpc,
            config,
        } = self;
        // Before the first request: rights may have changed while this process was down.
        market.refresh_revocations().await?;
        audit_log::record_settings(&market, config.record().to_string()).await?;
        let sweeper = Sweeper::new(
            market.clone(),
            Duration::from_secs(config.sweeper.outage_tolerance_seconds),
        );
        // Before the first request: extends exactly the deadlines that were running when the market stopped.
        sweeper.beat(market.now()).await?;
        let interval = Duration::from_millis(config.sweeper.interval_milliseconds);
        let sweeping = tokio::spawn(sweeper.run(interval));

        let hub = Hub::default();
        let mut background = Background::start(&config, &market, &database, &broker, &hub);
        let limits = wiring::limits(&config)?;
        let grpc = grpc.map(|(server, listener)| (server.with_limits(limits.clone()), listener));
        let state = ServerState {
            hub,
            relay: background.relay.clone(),
            consumers: background.consumers.clone(),
            outbox: Some(Arc::new(database.clone())),
            limits,
            calls: grpc.as_ref().map(|(server, _)| calls_of(server)),
            ..ServerState::default()
        };

        let mut signals = Signals::catch()?;
        let router = p2p_http::router(market.clone(), config.http()?, state.clone());
        let (connections, stop) = (state.connections.clone(), state.stop.clone());
        let serving = p2p_edge::serve(listener, router, config.server()?, connections, stop);
        let mut serving = tokio::spawn(serving);
        let over_grpc = state.stop.clone();
        let mut over_grpc = tokio::spawn(async move {
            match grpc {
                Some((server, listener)) => server.serve(listener, over_grpc).await,
                None => {
                    over_grpc.cancelled().await;
                    Ok(())
                }
            }
        });
        tokio::select! {
            served = &mut serving => {
                served.context("serving failed")?;
                bail!("serving ended by itself");
            }
            served = &mut over_grpc => {
                served?.context("serving over gRPC failed")?;
                bail!("serving over gRPC ended by itself");
            }
            () = signals.next() => {}
        }

        tracing::info!("stopping: finishing the accepted requests");
        sweeping.abort();
        background.stop();
        state.stop.cancel();
        let timeout = Duration::from_secs(config.http.shutdown_seconds);
        let ending = async {
            // The last quarter is reserved for accepted changes, in case a connection hangs.
            match tokio::time::timeout(timeout * 3 / 4, &mut serving).await {
                Ok(Err(error)) => tracing::warn!(%error, "serving did not end cleanly"),
                Ok(Ok(())) => {}
                Err(_) => {
                    tracing::warn!("some requests did not end in time");
                    serving.abort();
                }
            }
            // Its own time-out began with the stop signal.
            if let Ok(Err(error)) = over_grpc.await {
                tracing::warn!(%error, "serving over gRPC did not end cleanly");
            }
            // Streams were cancelled; upgraded WebSocket connections no longer count as requests.
            if tokio::time::timeout(timeout / 8, state.streams.drained())
                .await
                .is_err()
            {
                tracing::warn!("some streams did not end in time");
            }
            market.close();
            let _ = worker.await;
            drop(market);
            if let Some(sending) = sending
                && tokio::time::timeout(timeout / 8, sending).await.is_err()
            {
                tracing::warn!("some mail was not sent");
            }
            if let Err(error) = database.close().await {
                tracing::warn!(%error, "the database did not close cleanly");
            }
        };
        tokio::select! {
            () = ending => {
                tracing::info!("stopped");
                Ok(ExitCode::SUCCESS)
            }
            () = tokio::time::sleep(timeout) => {
                tracing::warn!("some changes did not end in time");
                Ok(ExitCode::FAILURE)
            }
            () = signals.next() => {
                tracing::warn!("second stop signal: not waiting for requests");
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

/// The gRPC call counts, for the metrics.
fn calls_of(server: &GrpcServer) -> Calls {
    let stats = server.stats();
    Calls::new(move || {
        let counts = stats.snapshot().into_iter();
        let call = |count: p2p_grpc::CallCount| CallCount {
            method: count.method,
            code: count.code,
            calls: count.calls,
            time: count.time,
        };
        counts.map(call).collect()
    })
}

/// Ctrl-C and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn catch() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
