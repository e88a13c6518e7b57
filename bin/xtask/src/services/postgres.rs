//! PostgreSQL.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use super::{Home, Service, apt, free_ports, on_path};
use crate::process::{self, Group};

const PORT: u16 = 5432;
/// Unencrypted on this machine, since the driver stalls between the records of a TLS message.
const PLAIN: &str = "sslmode=disable";
const TIMEOUT: Duration = Duration::from_secs(3);

/// Whether a private server's commits survive a crash of the machine. Tests do without, measurements do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    Full,
    Off,
}

/// A server whose user may create databases.
pub(crate) fn provide(own: bool, durability: Durability) -> Result<Service> {
    if !own {
        if let Some(url) = configured() {
            process::header("PostgreSQL", "that of DATABASE_URL");
            return Ok(Service::found(url));
        }
        if let Some(url) = running() {
            process::header("PostgreSQL", &format!("found at {url}"));
            return Ok(Service::found(url));
        }
    }
    if programs().is_none() && apt::available() {
        apt::install("postgresql")?;
    }
    let Some(programs) = programs() else {
        bail!(
            "PostgreSQL is needed: install its server (Debian: apt-get install postgresql), \
             or set DATABASE_URL to a server where the user may create databases"
        );
    };
    start(&programs, durability)
}

fn configured() -> Option<String> {
    let url = std::env::var("DATABASE_URL").ok()?;
    // Another database's URL is the server's business, not the tests'.
    let ours = ["postgres://", "postgresql://"];
    ours.iter()
        .any(|scheme| url.starts_with(scheme))
        .then_some(url)
}

/// A server on the usual port that lets us in the usual ways.
fn running() -> Option<String> {
    let mut wants_password = false;
    for user in ["postgres", "root"] {
        match login(PORT, user) {
            Ok(Login::Welcome) => {
                return Some(format!(
                    "postgres://{user}@127.0.0.1:{PORT}/postgres?{PLAIN}"
                ));
            }
            Ok(Login::Password) => wants_password = true,
            Ok(Login::Refused) | Err(_) => {}
        }
    }
    // Hashing a password is left to a client, if there is one.
    let url = format!("postgres://postgres:postgres@127.0.0.1:{PORT}/postgres?{PLAIN}");
    let query = Command::new("psql")
        .args(["-XAtqwc", MAY_CREATE, &url])
        .output();
    let welcome = wants_password && query.is_ok_and(|output| output.stdout == b"t\n");
    welcome.then_some(url)
}

/// The folder of the newest server's programs.
pub(crate) fn programs() -> Option<PathBuf> {
    let version = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    packaged
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.join("bin/initdb").is_file())
        .max_by_key(|folder| version(folder))
        .map(|folder| folder.join("bin"))
        .or_else(|| Some(on_path("initdb")?.parent()?.to_owned()))
}

fn start(programs: &Path, durability: Durability) -> Result<Service> {
    let home = Home::new("postgres")?;
    let [port] = free_ports()?;
    let folder = programs.display();
    process::header(
        "PostgreSQL",
        &format!("a private one from {folder} on port {port}"),
    );
    let group = launch(&home, programs, port, durability).map_err(|error| home.explain(error))?;
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres?{PLAIN}");
    Ok(Service::started(url, vec![group], home))
}

fn launch(home: &Home, programs: &Path, port: u16, durability: Durability) -> Result<Group> {
    let data = home.path("data");
    let mut initdb = home.command(&programs.join("initdb"), Signal::TERM)?;
    initdb.arg("--pgdata").arg(&data).args([
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]);
    let status = process::quietly(&mut initdb).context("cannot run initdb")?;
    ensure!(status.success(), "initdb failed: {status}");

    let mut postgres = home.command(&programs.join("postgres"), Signal::INT)?;
    postgres.arg("-D").arg(&data);
    let mut set = |setting: &str| {
        postgres.args(["-c", setting]);
    };
    set("listen_addresses=127.0.0.1");
    set(&format!("port={port}"));
    set("unix_socket_directories=");
    set("max_connections=400");
    if durability == Durability::Off {
        set("fsync=off");
        set("synchronous_commit=off");
        set("full_page_writes=off");
    }
    let group = Group::spawn(&mut postgres, Signal::INT).context("cannot run postgres")?;
    let ready = || matches!(login(port, "postgres"), Ok(Login::Welcome));
    process::wait_until(&group, ready).context("PostgreSQL does not start")?;
    Ok(group)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    /// Without a password, and with the right to create databases.
    Welcome,
    Password,
    Refused,
}

const MAY_CREATE: &str =
    "select rolsuper or rolcreatedb from pg_roles where rolname = current_user";

fn login(port: u16, user: &str) -> io::Result<Login> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    converse(&mut stream, user)
}

/// Start-up, one query, good-bye: <https://www.postgresql.org/docs/current/protocol-flow.html>.
fn converse(stream: &mut (impl Read + Write), user: &str) -> io::Result<Login> {
    const VERSION_3: [u8; 4] = [0, 3, 0, 0];
    let parameters = format!("user\0{user}\0database\0postgres\0\0");
    send(
        stream,
        b"",
        &[VERSION_3.as_slice(), parameters.as_bytes()].concat(),
    )?;
    loop {
        let (kind, body) = receive(stream)?;
        match (kind, body.as_slice()) {
            (b'R', [0, 0, 0, 0]) => {}
            (b'R', _) => return Ok(Login::Password),
            (b'Z', _) => break,
            (b'E', _) => return Ok(Login::Refused),
            _ => {}
        }
    }
    send(stream, b"Q", format!("{MAY_CREATE}\0").as_bytes())?;
    let mut answer = Login::Refused;
    loop {
        match receive(stream)? {
            // One column of one byte: the letter of true.
            (b'D', row) if row == [0, 1, 0, 0, 0, 1, b't'] => answer = Login::Welcome,
            (b'Z', _) => break,
            _ => {}
        }
    }
    send(stream, b"X", b"")?;
    Ok(answer)
}

fn send(stream: &mut impl Write, kind: &[u8], body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
    stream.write_all(&[kind, &length.to_be_bytes(), body].concat())
}

fn receive(stream: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let [kind, length @ ..] = head;
    let body = u32::from_be_bytes(length).checked_sub(4);
    let body = body.filter(|&length| length < 1 << 16);
    let length = body.ok_or_else(|| io::Error::other("this is not PostgreSQL"))?;
    let mut body = Vec::new();
    stream.take(length.into()).read_to_end(&mut body)?;
    Ok((kind, body))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Script;
    use super::*;

    const TRUSTED: &[u8] = b"R\0\0\0\x08\0\0\0\0S\0\0\0\x08a\0b\0Z\0\0\0\x05I";

    fn answer_to(said: &[&[u8]]) -> io::Result<Login> {
        converse(&mut Script::of(said), "postgres")
    }

    #[test]
    fn a_user_who_may_create_databases_is_welcome() {
        for (letter, expected) in [(b't', Login::Welcome), (b'f', Login::Refused)] {
            let row = [b"D\0\0\0\x0b\0\x01\0\0\0\x01".as_slice(), &[letter]].concat();
            let answer = answer_to(&[TRUSTED, &row, b"Z\0\0\0\x05I"]);
            assert_eq!(answer.unwrap(), expected);
        }
    }

    #[test]
    fn the_conversation_is_as_documented() {
        let mut script = Script::of(&[TRUSTED, b"Z\0\0\0\x05I"]);
        assert_eq!(converse(&mut script, "me").unwrap(), Login::Refused);
        let start = b"\0\0\0\x23\0\x03\0\0user\0me\0database\0postgres\0\0";
        assert!(
            script.received.starts_with(&start[..]),
            "{:?}",
            script.received
        );
        assert!(script.received.ends_with(b"X\0\0\0\x04"));
    }

    #[test]
    fn passwords_and_refusals_are_told_apart() {
        let scram = b"R\0\0\0\x0c\0\0\0\x0aSCRA";
        assert_eq!(answer_to(&[scram]).unwrap(), Login::Password);
        assert_eq!(answer_to(&[b"E\0\0\0\x05\0"]).unwrap(), Login::Refused);
    }

    #[test]
    fn something_else_on_the_port_is_an_error() {
        assert!(answer_to(&[b"HTTP/1.1 400 Bad Request\r\n"]).is_err());
        assert!(answer_to(&[b""]).is_err());
    }
}
