//! Between the server and PostgreSQL: passes everything on, until it is told to cut a connection at a certain byte.
//!
//! It reads what passes as the wire shows it (no TLS on the loopback interface): a large message is a statement that
//! writes a batch, and `COMMIT` says so itself.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Keys of rows to be loaded take less, the rows of a few offers take more.
const WRITES: usize = 1_500;

const COMMIT: &[u8] = b"COMMIT\0";

/// Where a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// Half the bytes of a statement that writes a batch arrive.
    Statement,
    /// A statement that writes a batch is carried out, and its answer does not arrive.
    Response,
    /// A batch is written, and its COMMIT does not arrive.
    BeforeCommit,
    /// The COMMIT of a batch is carried out, and its answer does not arrive.
    AfterCommit,
}

/// How it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Both ends are told.
    Reset,
    /// Nothing passes any more, without notice, until the server gives the connection up.
    Silence,
}

type Order = Arc<Mutex<Option<(Position, How)>>>;

/// Listens in place of a database's server. Ends with the value.
pub(crate) struct Proxy {
    /// The database's URL, by way of here.
    pub(crate) url: String,
    order: Order,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Before the server of this URL.
    pub(crate) async fn before(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").context("no scheme")?;
        let (authority, path) = rest.split_once('/').context("no database")?;
        let (user, host) = authority.split_once('@').unwrap_or(("postgres", authority));
        let host = host.to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let own = listener.local_addr()?;
        let order = Order::default();
        let orders = Arc::clone(&order);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (host, order) = (host.clone(), Arc::clone(&orders));
                tokio::spawn(async move {
                    // However a connection ends, its two ends learn it by theirs.
                    if let Ok(server) = TcpStream::connect(host).await {
                        let _ = pass(client, server, &order).await;
                    }
                });
            }
        });
        Ok(Self {
            url: format!("{scheme}://{user}@{own}/{path}"),
            order,
            accepting,
        })
    }

    /// Cuts the next connection that comes to this place, and waits until it is done.
    pub(crate) async fn cut(&self, position: Position, how: How) -> Result<()> {
        *locked(&self.order) = Some((position, how));
        let done = async {
            while locked(&self.order).is_some() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), done)
            .await
            .with_context(|| format!("no connection came to {position:?}"))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn locked(order: &Order) -> std::sync::MutexGuard<'_, Option<(Position, How)>> {
    order.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries out what was ordered for this place, if it was: once.
fn take(order: &Order, here: Position) -> Option<How> {
    let mut order = locked(order);
    let (position, how) = (*order)?;
    if position != here {
        return None;
    }
    *order = None;
    Some(how)
}

async fn pass(mut client: TcpStream, mut server: TcpStream, order: &Order) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut up, mut down) = (vec![0; 1 << 18], vec![0; 1 << 18]);
    // Whether this connection's transaction has written a batch.
    let mut written = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let said = &up[..read?];
                if said.is_empty() {
                    return Ok(());
                }
                if said.len() > WRITES {
                    written = true;
                    if let Some(how) = take(order, Position::Statement) {
                        server.write_all(&said[..said.len() / 2]).await?;
                        return broken(client, server, how).await;
                    }
                    if let Some(how) = take(order, Position::Response) {
                        server.write_all(said).await?;
                        // Once it is ready for more, what commits itself is stored.
                        let mut answer = vec![0; 1 << 12];
                        while server.read(&mut answer).await? > 0 && !answer.contains(&b'Z') {}
                        return broken(client, server, how).await;
                    }
                }
                let commits = said.windows(COMMIT.len()).any(|some| some == COMMIT);
                if commits && std::mem::take(&mut written) {
                    if let Some(how) = take(order, Position::BeforeCommit) {
                        return broken(client, server, how).await;
                    }
                    if let Some(how) = take(order, Position::AfterCommit) {
                        server.write_all(said).await?;
                        // Once there is an answer, the batch is stored.
                        let _answer = server.read_u8().await?;
                        return broken(client, server, how).await;
                    }
                }
                server.write_all(said).await?;
            }
            read = server.read(&mut down) => {
                let said = &down[..read?];
                if said.is_empty() {
                    return Ok(());
                }
                client.write_all(said).await?;
            }
        }
    }
}

async fn broken(mut client: TcpStream, server: TcpStream, how: How) -> std::io::Result<()> {
    match how {
        How::Reset => {
            client.set_zero_linger()?;
            server.set_zero_linger()
        }
        How::Silence => {
            let mut unheard = vec![0; 1 << 12];
            while client.read(&mut unheard).await? > 0 {}
            Ok(())
        }
    }
}
