//! A PostgreSQL server of a test's own, to be killed and started again: from the programs that are installed.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sea_orm::ConnectOptions;
use tempfile::TempDir;

/// PostgreSQL does not run as root; then it runs as this account.
const ACCOUNT: &str = "postgres";

/// A server with its data, gone with the value.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    home: TempDir,
    /// Ids of user and group; none if the server runs as we do.
    account: Option<(u32, u32)>,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Makes one and starts it; `None` where PostgreSQL is not installed.
    pub async fn start_if_installed() -> Result<Option<Self>> {
        let Some(programs) = programs() else {
            return Ok(None);
        };
        let home = TempDir::new()?;
        let account = we_are_root().then(|| ids(ACCOUNT)).flatten();
        if let Some((user, group)) = account {
            chown(home.path(), Some(user), Some(group))?;
        }
        // Free now, and as a rule still so in a moment.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let mut cluster = Self {
            programs,
            home,
            account,
            port,
            server: None,
        };
        let mut initdb = cluster.command("initdb")?;
        initdb.arg("--pgdata").arg(cluster.data()).args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        let status = initdb.status().context("initdb can't be run")?;
        ensure!(status.success(), "initdb: {status}: {}", cluster.log());
        cluster.start().await?;
        Ok(Some(cluster))
    }

    /// Of its one database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it, and waits until it answers.
    pub async fn start(&mut self) -> Result<()> {
        let mut postgres = self.command("postgres")?;
        postgres.arg("-D").arg(self.data());
        let port = format!("port={}", self.port);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            // Its programs are killed, the machine is not: what they have written is there all the same.
            "fsync=off",
            &port,
        ] {
            postgres.args(["-c", setting]);
        }
        self.server = Some(postgres.spawn().context("postgres can't be run")?);
        let answers = async {
            while !self.answers().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let started = tokio::time::timeout(Duration::from_secs(60), answers).await;
        started.with_context(|| self.log())
    }

    async fn answers(&self) -> bool {
        let mut options = ConnectOptions::new(self.url());
        options
            .max_connections(1)
            .sqlx_logging(false)
            .acquire_timeout(Duration::from_millis(200));
        match sea_orm::Database::connect(options).await {
            Ok(connection) => connection.close().await.is_ok(),
            Err(_) => false,
        }
    }

    /// Kills it in the middle of everything: each of its processes ends where it stands, as after `kill -9`. What it had
    /// answered to a COMMIT must be there when it is started again.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            // The "immediate" way to stop.
            let id = server.id().to_string();
            Command::new("kill").args(["-QUIT", &id]).status()?;
            server.wait()?;
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// One of PostgreSQL's programs; it ends with us, however we end.
    fn command(&self, program: &str) -> Result<Command> {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT", "--"]);
        command.arg(self.programs.join(program));
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.home.path().join("log"))?;
        command
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nobody is left to be told of a failure.
        let _ = self.kill();
    }
}

/// The folder of the newest server's programs.
fn programs() -> Option<PathBuf> {
    let version = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    packaged
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.join("bin/initdb").is_file())
        .max_by_key(|folder| version(folder))
        .map(|folder| folder.join("bin"))
        .or_else(|| std::env::split_paths(&on_path).find(|folder| folder.join("initdb").is_file()))
}

fn we_are_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout == b"0\n")
}

/// The ids of an account's user and group, if there is such an account.
fn ids(account: &str) -> Option<(u32, u32)> {
    let id = |option| {
        let output = Command::new("id").args([option, account]).output().ok()?;
        str::from_utf8(&output.stdout).ok()?.trim().parse().ok()
    };
    Some((id("-u")?, id("-g")?))
}
