//! Redis.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::{Home, Service, apt, free_ports, on_path};
use crate::process::{self, Group};

const PORT: u16 = 6379;
const TIMEOUT: Duration = Duration::from_secs(3);

/// A server that any local program may use.
pub(crate) fn provide(own: bool) -> Result<Service> {
    if !own {
        if let Ok(url) = std::env::var("REDIS_URL") {
            process::header("Redis", "that of REDIS_URL");
            return Ok(Service::found(url));
        }
        if answers(PORT).unwrap_or(false) {
            let url = url(PORT);
            process::header("Redis", &format!("found at {url}"));
            return Ok(Service::found(url));
        }
    }
    if program().is_none() && apt::available() {
        apt::install("redis-server")?;
    }
    let Some(program) = program() else {
        bail!(
            "Redis is needed: install it (Debian: apt-get install redis-server), \
             or set REDIS_URL to a server of yours"
        );
    };
    start(&program)
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

fn program() -> Option<PathBuf> {
    on_path("redis-server").or_else(|| on_path("valkey-server"))
}

fn start(program: &Path) -> Result<Service> {
    let home = Home::new("redis")?;
    let [port] = free_ports()?;
    let from = program.display();
    process::header(
        "Redis",
        &format!("a private one from {from} on port {port}"),
    );
    let group = launch(&home, program, port).map_err(|error| home.explain(error))?;
    Ok(Service::started(url(port), vec![group], home))
}

/// With settings of its own, and nothing on disk.
fn launch(home: &Home, program: &Path, port: u16) -> Result<Group> {
    let mut server = home.command(program, Signal::TERM)?;
    server
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
    let server = Group::spawn(&mut server, Signal::TERM).context("cannot run redis-server")?;
    process::wait_until(&server, || answers(port).unwrap_or(false))
        .context("Redis does not start")?;
    Ok(server)
}

fn answers(port: u16) -> io::Result<bool> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    converse(&mut stream)
}

/// Whether it is a Redis server that asks for no password.
fn converse(stream: &mut (impl Read + Write)) -> io::Result<bool> {
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    Ok(answer == *b"+PONG\r\n")
}

#[cfg(test)]
mod tests {
    use super::super::tests::Script;
    use super::*;

    #[test]
    fn a_server_that_lets_us_in_says_so() {
        let mut script = Script::of(&[b"+PONG\r\n"]);
        assert!(converse(&mut script).unwrap());
        assert_eq!(script.received, b"PING\r\n");
        let closed = b"-NOAUTH Authentication required.\r\n";
        assert!(!converse(&mut Script::of(&[closed])).unwrap());
        assert!(converse(&mut Script::of(&[b""])).is_err());
    }
}
