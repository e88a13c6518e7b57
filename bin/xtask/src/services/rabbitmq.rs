//! RabbitMQ.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::{Home, Service, apt, free_ports, on_path};
use crate::process::{self, Group};

const PORT: u16 = 5672;
const TIMEOUT: Duration = Duration::from_secs(3);

/// A server where guest may do everything.
pub(crate) fn provide(own: bool) -> Result<Service> {
    if !own {
        if let Ok(url) = std::env::var("AMQP_URL") {
            process::header("RabbitMQ", "that of AMQP_URL");
            return Ok(Service::found(url));
        }
        if login(PORT).unwrap_or(false) {
            let url = url(PORT);
            process::header("RabbitMQ", &format!("found at {url}"));
            return Ok(Service::found(url));
        }
    }
    if programs().is_none() && apt::available() {
        apt::install("rabbitmq-server")?;
    }
    let Some(programs) = programs() else {
        bail!(
            "RabbitMQ is needed: install it (Debian: apt-get install rabbitmq-server), \
             or set AMQP_URL to a server of yours"
        );
    };
    start(&programs)
}

fn url(port: u16) -> String {
    format!("amqp://guest:guest@127.0.0.1:{port}/%2f")
}

struct Programs {
    server: PathBuf,
    /// Erlang's directory of nodes. Left to itself, a node would start one that stays.
    epmd: PathBuf,
}

fn programs() -> Option<Programs> {
    // The packages' program on the path is a wrapper that insists on the system's own server.
    let packaged = PathBuf::from("/usr/lib/rabbitmq/bin/rabbitmq-server");
    let server = Some(packaged).filter(|file| file.is_file());
    Some(Programs {
        server: server.or_else(|| on_path("rabbitmq-server"))?,
        epmd: on_path("epmd")?,
    })
}

fn start(programs: &Programs) -> Result<Service> {
    let home = Home::new("rabbitmq")?;
    let ports: [u16; 3] = free_ports()?;
    let [port, ..] = ports;
    process::header(
        "RabbitMQ",
        &format!(
            "a private one from {} on port {port}",
            programs.server.display()
        ),
    );
    let groups = launch(&home, programs, ports).map_err(|error| home.explain(error))?;
    Ok(Service::started(url(port), groups, home))
}

fn launch(home: &Home, programs: &Programs, ports: [u16; 3]) -> Result<Vec<Group>> {
    let [port, distribution, directory] = ports.map(|port| port.to_string());
    let mut epmd = home.command(&programs.epmd, Signal::TERM)?;
    epmd.args(["-address", "127.0.0.1", "-port", &directory]);
    let epmd = Group::spawn(&mut epmd, Signal::TERM).context("cannot run epmd")?;
    process::wait_until(&epmd, || connect(ports[2]).is_ok()).context("epmd does not start")?;

    let mut server = home.command(&programs.server, Signal::TERM)?;
    // Nothing of a server that is installed here may leak in: not its settings, not its plugins.
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("RABBITMQ_") {
            server.env_remove(variable);
        }
    }
    let file = |name: &str, content: &str| -> Result<PathBuf> {
        let path = home.path(name);
        fs::write(&path, content)?;
        Ok(path)
    };
    server
        .env("RABBITMQ_CONF_ENV_FILE", file("env.conf", "")?)
        .env("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf", "")?)
        .env(
            "RABBITMQ_ADVANCED_CONFIG_FILE",
            file("advanced.config", "[].")?,
        )
        .env(
            "RABBITMQ_ENABLED_PLUGINS_FILE",
            file("enabled_plugins", "[].")?,
        )
        .env("RABBITMQ_MNESIA_BASE", home.path("mnesia"))
        .env("RABBITMQ_LOG_BASE", home.path("logs"))
        .env("RABBITMQ_LOGS", "-")
        .env("RABBITMQ_NODENAME", "p2p-market@localhost")
        .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODE_PORT", port)
        .env("RABBITMQ_DIST_PORT", distribution)
        .env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-kernel inet_dist_use_interface {127,0,0,1}",
        )
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_EPMD_PORT", directory);
    let server = Group::spawn(&mut server, Signal::TERM).context("cannot run rabbitmq-server")?;
    process::wait_until(&server, || login(ports[0]).unwrap_or(false))
        .context("RabbitMQ does not start")?;
    Ok(vec![server, epmd])
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

fn login(port: u16) -> io::Result<bool> {
    converse(&mut connect(port)?)
}

/// Whether an AMQP 0-9-1 server lets guest in: the protocol's header, `connection.start`, `start-ok`, and then `tune`.
fn converse(stream: &mut (impl Read + Write)) -> io::Result<bool> {
    stream.write_all(b"AMQP\x00\x00\x09\x01")?;
    if receive(stream)? != START {
        return Ok(false);
    }
    // No properties; strings are preceded by their length, of four bytes or one.
    let start_ok = b"\0\x0a\0\x0b\0\0\0\0\x05PLAIN\0\0\0\x0c\0guest\0guest\x05en_US";
    let length = u32::try_from(start_ok.len()).map_err(io::Error::other)?;
    let head = [&[1, 0, 0], length.to_be_bytes().as_slice()].concat();
    stream.write_all(&[&head, start_ok.as_slice(), &[FRAME_END]].concat())?;
    Ok(receive(stream)? == TUNE)
}

/// The class and method of the next frame, which must be a method.
fn receive(stream: &mut impl Read) -> io::Result<[u8; 4]> {
    let mut head = [0; 7];
    stream.read_exact(&mut head)?;
    let [1, _, _, length @ ..] = head else {
        return Err(io::Error::other("this is not AMQP"));
    };
    let mut frame = Vec::new();
    let length = u64::from(u32::from_be_bytes(length)) + 1;
    stream.take(length.min(1 << 16)).read_to_end(&mut frame)?;
    match frame.as_slice() {
        [a, b, c, d, .., FRAME_END] => Ok([*a, *b, *c, *d]),
        _ => Err(io::Error::other("this is not AMQP")),
    }
}

const START: [u8; 4] = [0, 10, 0, 10];
const TUNE: [u8; 4] = [0, 10, 0, 30];
const FRAME_END: u8 = 0xce;

#[cfg(test)]
mod tests {
    use super::super::tests::Script;
    use super::*;

    const STARTING: &[u8] = b"\x01\0\0\0\0\0\x06\0\x0a\0\x0a\0\x09\xce";

    #[test]
    fn a_server_that_goes_on_to_tune_has_let_us_in() {
        let tune = b"\x01\0\0\0\0\0\x05\0\x0a\0\x1e\0\xce";
        let mut script = Script::of(&[STARTING, tune]);
        assert!(converse(&mut script).unwrap());
        assert!(
            script
                .received
                .starts_with(b"AMQP\0\0\x09\x01\x01\0\0\0\0\0\x24")
        );
        assert!(script.received.ends_with(b"en_US\xce"));
    }

    #[test]
    fn a_server_that_closes_has_not() {
        let close = b"\x01\0\0\0\0\0\x05\0\x0a\0\x32\0\xce";
        assert!(!converse(&mut Script::of(&[STARTING, close])).unwrap());
        assert!(converse(&mut Script::of(&[STARTING])).is_err());
    }

    #[test]
    fn something_else_on_the_port_is_an_error() {
        assert!(converse(&mut Script::of(&[b"HTTP/1.1 400 Bad Request\r\n"])).is_err());
        assert!(converse(&mut Script::of(&[b"AMQP\0\0\x09\x01"])).is_err());
    }
}
