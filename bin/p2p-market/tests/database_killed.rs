//! PostgreSQL itself is killed under load and started again: every request gets a response, nothing is left half done, nothing
//! answered is lost, and the server goes on by itself.

mod support;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use anyhow::Result;
use p2p_tests::cluster::Cluster;
use support::cast::cast;
use support::traffic::{Traffic, reckon};
use support::{Server, program};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_started_again() -> Result<()> {
    let Some(mut cluster) = Cluster::start_if_installed().await? else {
        println!("SKIPPED: no PostgreSQL is installed that could be killed");
        return Ok(());
    };
    let url = cluster.url();
    let cast = cast(&url).await?;
    let mut command = program(&url, &["serve"]);
    // No request waits long for an unavailable server.
    command.env("P2P_DATABASE__ACQUIRE_TIMEOUT_SECONDS", "1");
    let server = Server::start(command)?;
    let mut traffic = Traffic::start(&server.url, &cast, 32);
    for round in 0..5 {
        traffic.until_more_created(50).await?;
        let random = RandomState::new().hash_one(round);
        tokio::time::sleep(Duration::from_millis(random % 40)).await;
        cluster.kill()?;
        // Once it stays unavailable for so long that requests fail.
        if round == 2 {
            traffic.until_more_failed(1).await?;
        }
        cluster.start().await?;
    }
    traffic.until_more_created(100).await?;
    let requests = traffic.end().await?;
    let counts = reckon(&url, &requests).await?;
    println!("{counts:?}");
    server.kill()
}
