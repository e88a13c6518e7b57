//! Connections over HTTP as an operator limits them, and where there are more of them than files.

mod support;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use p2p_tests::databases::TestDatabase;
use support::{Server, program};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Within this everything here ends that ends at all.
const TIMEOUT: Duration = Duration::from_secs(60);

/// So many files the server may have.
const FILES: usize = 128;

/// The same program, with few files.
fn with_few_files(command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    let limit = format!("ulimit -n {FILES} && exec \"$0\" \"$@\"");
    let environment = command.get_envs();
    shell
        .args(["-c", &limit])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(environment.filter_map(|(name, value)| Some((name, value?))));
    shell
}

async fn connect(server: &Server) -> Result<TcpStream> {
    let address = server.url.strip_prefix("http://").context("no address")?;
    Ok(TcpStream::connect(address).await?)
}

const ASK: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: market\r\n\r\n";

/// That a request over this connection is answered.
async fn is_answered(client: &mut TcpStream) -> Result<()> {
    client.write_all(ASK).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"{\"status\":\"UP\"}") {
        let mut bytes = [0; 1024];
        let count = timeout(TIMEOUT, client.read(&mut bytes)).await??;
        ensure!(count > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend(bytes.iter().take(count));
    }
    Ok(())
}

/// That the other end closes without a word.
async fn is_closed(client: &mut TcpStream) -> Result<()> {
    let mut rest = Vec::new();
    // Sending to a closed socket fails, which counts as its end, too.
    let _ = timeout(TIMEOUT, client.read_to_end(&mut rest)).await?;
    ensure!(rest.is_empty(), "{rest:?}");
    Ok(())
}

#[tokio::test]
async fn one_address_has_as_many_as_the_operator_says() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    let mut command = program(database.url(), &["serve"]);
    command.env("P2P_HTTP__MAX_CONNECTIONS_PER_ADDRESS", "2");
    let server = Server::start(command)?;
    let (mut first, mut second) = (connect(&server).await?, connect(&server).await?);
    is_answered(&mut first).await?;
    is_answered(&mut second).await?;
    let mut third = connect(&server).await?;
    third.write_all(ASK).await?;
    is_closed(&mut third).await?;
    is_answered(&mut first).await?;
    server.terminate()?;
    ensure!(server.wait()?.success());
    database.drop_now().await
}

#[tokio::test]
async fn out_of_files_it_answers_whom_it_knows_and_goes_on_when_there_are_some() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    let mut command = program(database.url(), &["serve"]);
    command.env("P2P_HTTP__HEADER_TIMEOUT_SECONDS", "600");
    let server = Server::start(with_few_files(&command))?;
    let mut regular = connect(&server).await?;
    is_answered(&mut regular).await?;
    let mut crowd = Vec::new();
    for _ in 0..FILES {
        crowd.push(connect(&server).await?);
    }
    timeout(TIMEOUT, async {
        while server.open_files()? < FILES {
            sleep(Duration::from_millis(10)).await;
        }
        anyhow::Ok(())
    })
    .await??;
    is_answered(&mut regular).await?;
    drop(crowd);
    is_answered(&mut connect(&server).await?).await?;
    server.terminate()?;
    ensure!(server.wait()?.success());
    database.drop_now().await
}
