//! Between the server and the broker: passes everything on while it is open. Shut, it cuts every connection and takes no
//! new one.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Ends with the value.
pub(crate) struct Gate {
    /// The broker's URL, by way of here.
    pub(crate) url: String,
    open: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Gate {
    /// Before the server of this URL, open.
    pub(crate) async fn before(url: &str) -> Result<Self> {
        let (before, rest) = url.rsplit_once('@').context("no user")?;
        let (host, path) = rest.split_once('/').context("no virtual host")?;
        let host = host.to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let own = listener.local_addr()?;
        let (open, is_open) = watch::channel(true);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (host, mut is_open) = (host.clone(), is_open.clone());
                if *is_open.borrow_and_update() {
                    tokio::spawn(async move {
                        tokio::select! {
                            _ = pass(client, &host) => {}
                            _ = is_open.wait_for(|open| !open) => {}
                        }
                    });
                }
            }
        });
        Ok(Self {
            url: format!("{before}@{own}/{path}"),
            open,
            accepting,
        })
    }

    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }

    pub(crate) fn shut(&self) {
        self.open.send_replace(false);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(mut client: TcpStream, host: &str) -> std::io::Result<()> {
    let mut server = TcpStream::connect(host).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
