//! What processes use, as the kernel counts it (`/proc`, Linux).

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;

/// Processor seconds, user and system, of all threads of a process that runs.
pub(crate) fn cpu_of(pid: u32) -> Result<f64> {
    let stat = Stat::read(pid).with_context(|| format!("process {pid} can't be looked at"))?;
    Ok(seconds(stat.own))
}

/// Processor seconds of this program itself, and of its children that have ended.
pub(crate) fn cpu_of_us() -> Result<(f64, f64)> {
    let stat = Stat::read(std::process::id()).context("this process can't be looked at")?;
    Ok((seconds(stat.own), seconds(stat.children)))
}

/// A child of a process that bears this name, if there is one.
pub(crate) fn child_of(parent: u32, name: &str) -> Result<Option<u32>> {
    let mut processes = all()?.into_iter();
    Ok(processes
        .find(|(_, stat)| stat.parent == parent && stat.name == name)
        .map(|(pid, _)| pid))
}

/// Where on this machine's own address a process listens.
pub(crate) fn listening(pid: u32) -> Result<Vec<SocketAddr>> {
    let mut sockets = HashSet::new();
    for open in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // What is closed between the two looks is no socket of interest.
        if let Ok(target) = fs::read_link(open?.path()) {
            sockets.insert(target.to_string_lossy().into_owned());
        }
    }
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp"))?;
    let listening = table.lines().filter_map(listens);
    Ok(listening
        .filter(|(_, socket)| sockets.contains(socket))
        .map(|(port, _)| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .collect())
}

/// The port and the name of a socket that listens on 127.0.0.1, if this line of `/proc/<pid>/net/tcp` is about one.
fn listens(line: &str) -> Option<(u16, String)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, port) = fields.get(1)?.split_once(':')?;
    let (state, inode) = (fields.get(3)?, fields.get(9)?);
    let port = u16::from_str_radix(port, 16).ok()?;
    let is_ours = address == "0100007F" && *state == "0A";
    is_ours.then(|| (port, format!("socket:[{inode}]")))
}

/// All processes that there are.
fn all() -> Result<Vec<(u32, Stat)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process may end between the two looks.
        all.extend(Stat::read(pid).map(|stat| (pid, stat)));
    }
    Ok(all)
}

/// Resident memory of a process, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    /// The most so far.
    pub(crate) peak: u64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
            kib.map(|kib| kib * 1_024)
                .with_context(|| format!("no {name} of process {pid}"))
        };
        Ok(Self {
            now: field("VmRSS:")?,
            peak: field("VmHWM:")?,
        })
    }
}

/// The process under which all of PostgreSQL's others run, if it runs on this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Postmaster(u32);

impl Postmaster {
    /// The parent of a session's process. A number from another machine names something else here, or nothing.
    pub(crate) fn of_session(pid: u32) -> Option<Self> {
        let session = Stat::read(pid)?;
        let parent = Stat::read(session.parent)?;
        (session.name == "postgres" && parent.name == "postgres").then_some(Self(session.parent))
    }

    /// Processor seconds of the postmaster and of all its children, those that have ended included.
    pub(crate) fn cpu(self) -> Result<f64> {
        let ours = all()?.into_iter();
        let ours = ours.filter(|(pid, stat)| *pid == self.0 || stat.parent == self.0);
        Ok(seconds(
            ours.map(|(_, stat)| stat.own + stat.children).sum(),
        ))
    }
}

/// A line of `/proc/<pid>/stat`; times are in ticks.
struct Stat {
    name: String,
    parent: u32,
    own: u64,
    children: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(line: &str) -> Option<Self> {
        // The name may contain anything, also brackets and spaces.
        let (head, rest) = line.rsplit_once(')')?;
        let name = head.split_once('(')?.1.to_owned();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field)?.parse::<u64>().ok();
        Some(Self {
            name,
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            children: ticks(13)? + ticks(14)?,
        })
    }
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / clock_ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_contain_brackets() {
        let line = "12 (a) b (c) S 7 12 12 0 -1 4194560 1 2 3 4 100 20 30 4 20 0 1 0 5";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.name.as_str(), stat.parent), ("a) b (c", 7));
        assert_eq!((stat.own, stat.children), (120, 34));
    }

    #[test]
    fn a_socket_that_listens_is_found() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        let line = |address, state| {
            format!(
                "   0: {address}:1F90 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0"
            )
        };
        assert_eq!(listens(head), None);
        assert_eq!(listens(&line("0100007F", "01")), None, "a connection");
        assert_eq!(listens(&line("0A00007F", "0A")), None, "elsewhere");
        let found = listens(&line("0100007F", "0A"));
        assert_eq!(found, Some((8_080, "socket:[4711]".to_owned())));
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let ours = listening(std::process::id()).unwrap();
        assert!(ours.contains(&socket.local_addr().unwrap()));
    }

    #[test]
    fn this_process_can_be_looked_at() {
        let pid = std::process::id();
        let memory = Memory::of(pid).unwrap();
        assert!(0 < memory.now && memory.now <= memory.peak);
        assert!(cpu_of(pid).unwrap() >= 0.0);
        assert!(Postmaster::of_session(pid).is_none());
    }
}
