//! A private demo market, with ports, settings and data of its own.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::{Home, Service, free_ports};
use crate::process::{self, Group};

const TIMEOUT: Duration = Duration::from_secs(3);

/// What others set for servers of theirs.
const FOREIGN: [&str; 3] = ["DATABASE_URL", "AMQP_URL", "REDIS_URL"];

/// A demo that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Demo {
    /// Its URL is that of HTTP.
    pub(crate) service: Service,
    /// Address and port of gRPC.
    pub(crate) grpc: String,
}

/// Starts `p2p-market demo --fresh`, whose database is in the folder that it runs in, with these settings besides its own.
pub(crate) fn provide(server: &Path, settings: &[(&str, &str)]) -> Result<Demo> {
    let home = Home::own()?;
    let [port, grpc_port] = free_ports()?;
    let ports = format!("a private one on ports {port} (HTTP) and {grpc_port} (gRPC)");
    process::header("demo", &ports);
    let grpc = format!("127.0.0.1:{grpc_port}");
    let group =
        launch(&home, server, settings, port, &grpc).map_err(|error| home.explain(error))?;
    let url = format!("http://127.0.0.1:{port}");
    let service = Service::started(url, vec![group], home);
    Ok(Demo { service, grpc })
}

fn launch(
    home: &Home,
    server: &Path,
    settings: &[(&str, &str)],
    port: u16,
    grpc: &str,
) -> Result<Group> {
    let mut demo = home.command(server, Signal::TERM)?;
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("P2P_") || FOREIGN.contains(&&*name) {
            demo.env_remove(variable);
        }
    }
    demo.args(["demo", "--fresh"])
        .envs(settings.iter().copied())
        .env("P2P_HTTP__BIND", format!("127.0.0.1:{port}"))
        .env("P2P_GRPC__BIND", grpc);
    let demo = Group::spawn(&mut demo, Signal::TERM).context("cannot run the demo")?;
    process::wait_until(&demo, || is_ready(port).unwrap_or(false))
        .context("the demo does not start")?;
    Ok(demo)
}

fn is_ready(port: u16) -> io::Result<bool> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    ask(&mut stream)
}

/// Whether an HTTP server says that it is ready.
fn ask(stream: &mut (impl Read + Write)) -> io::Result<bool> {
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(head == *b"HTTP/1.1 200")
}

#[cfg(test)]
mod tests {
    use super::super::tests::Script;
    use super::*;

    #[test]
    fn a_server_is_ready_when_it_says_so() {
        let mut script = Script::of(&[b"HTTP/1.1 200 OK\r\n\r\n"]);
        assert!(ask(&mut script).unwrap());
        assert!(script.received.starts_with(b"GET /readyz HTTP/1.1\r\n"));
        assert!(script.received.ends_with(b"\r\n\r\n"));
        let busy = b"HTTP/1.1 503 Service Unavailable\r\n\r\n";
        assert!(!ask(&mut Script::of(&[busy])).unwrap());
        assert!(ask(&mut Script::of(&[b"SSH-2.0"])).is_err());
    }
}
