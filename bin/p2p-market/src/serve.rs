//! Serving: start, serve, stop without losing anything that was accepted.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use application::{Market, Sweeper};
use persistence::Database;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::wiring;

/// A market that is ready to serve.
pub(crate) struct Server {
    pub(crate) market: Market,
    worker: JoinHandle<()>,
    database: Database,
    listener: TcpListener,
    config: Config,
}

/// Serves the configured market.
pub(crate) async fn run(config: Config) -> Result<ExitCode> {
    let server = Server::open(config).await?;
    println!("p2p-market serves at http://{}", server.address()?);
    server.serve().await
}

impl Server {
    /// Opens the database, brings its schema up to date if so configured, and takes the port.
    pub(crate) async fn open(config: Config) -> Result<Self> {
        let jwt = config.jwt()?;
        let database = wiring::database(&config).await?;
        if config.database.migrate_on_start {
            database
                .migrate()
                .await
                .context("the schema can't be brought up to date")?;
        }
        let (market, worker) = wiring::market(&config, &database, &jwt)?;
        let listener = TcpListener::bind(config.http.bind)
            .await
            .with_context(|| format!("http.bind: {} can't be listened on", config.http.bind))?;
        Ok(Self {
            market,
            worker,
            database,
            listener,
            config,
        })
    }

    /// Where it listens, with the port that the system chose if 0 was configured.
    pub(crate) fn address(&self) -> Result<std::net::SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until told to stop; then answers what was accepted, within the configured time.
    pub(crate) async fn serve(self) -> Result<ExitCode> {
        let Self {
            market,
            worker,
            database,
            listener,
            config,
        } = self;
        let sweeper = Sweeper::new(
            market.clone(),
            Duration::from_secs(config.sweeper.outage_tolerance_seconds),
        );
        let interval = Duration::from_millis(config.sweeper.interval_milliseconds);
        let sweeping = tokio::spawn(sweeper.run(interval));

        let (stop, stopped) = tokio::sync::oneshot::channel();
        let told_to_stop = told_to_stop()?;
        let router = http_api::router(market, config.http()?);
        let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
            told_to_stop.await;
            tracing::info!("stopping: answering what was accepted");
            let _ = stop.send(());
        });
        let patience = Duration::from_secs(config.http.shutdown_seconds);
        let out_of_patience = async {
            if stopped.await.is_ok() {
                tokio::time::sleep(patience).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            served = serving => served.context("serving failed")?,
            () = out_of_patience => tracing::warn!("some requests did not end in time"),
        }

        sweeping.abort();
        let _ = sweeping.await;
        if tokio::time::timeout(patience, worker).await.is_err() {
            tracing::warn!("some changes did not end in time");
        }
        if let Err(error) = database.close().await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    }
}

/// Ends with the first Ctrl-C or SIGTERM.
fn told_to_stop() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
