//! Between a market and its broker: passes everything on, until it is told otherwise.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// They pass. The number changes when those that there are end.
    Open(u32),
    /// Those that there are end, and new ones end at once.
    Closed,
    /// Nothing passes, without notice.
    Silent,
}

/// Listens in place of a broker. Ends with the value.
pub struct Proxy {
    /// The broker's URL, by way of here.
    pub url: String,
    mode: watch::Sender<Mode>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Before the server of this URL.
    pub async fn before(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").context("no scheme")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, "%2f"));
        let (user, host) = authority.split_once('@').context("no user")?;
        let server = if host.contains(':') {
            host.to_owned()
        } else {
            format!("{host}:5672")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let own: SocketAddr = listener.local_addr()?;
        let (mode, watched) = watch::channel(Mode::Open(0));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), watched.clone()));
            }
        });
        Ok(Self {
            url: format!("{scheme}://{user}@{own}/{path}"),
            mode,
            accepting,
        })
    }

    /// Ends all connections; new ones pass.
    pub fn cut(&self) {
        self.mode.send_modify(|mode| {
            *mode = match *mode {
                Mode::Open(cuts) => Mode::Open(cuts + 1),
                _ => Mode::Open(0),
            }
        });
    }

    /// Ends all connections, new ones too.
    pub fn close(&self) {
        self.mode.send_replace(Mode::Closed);
    }

    /// Lets nothing through any more.
    pub fn hush(&self) {
        self.mode.send_replace(Mode::Silent);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(mut client: TcpStream, server: String, mut mode: watch::Receiver<Mode>) {
    let begun = *mode.borrow_and_update();
    if begun == Mode::Closed {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    if matches!(begun, Mode::Open(_)) {
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = mode.changed() => {}
        }
    }
    // Silence lasts until the next word.
    while *mode.borrow_and_update() == Mode::Silent {
        if mode.changed().await.is_err() {
            return;
        }
    }
}
