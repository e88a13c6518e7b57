//! No input can make the program call another host: it contains no HTTP client.
//!
//! An address that comes with a request, a callback or a message is a text among others: nothing in the program could fetch
//! it. That is read from what the program is really built of, with the features that it is built with: no HTTP client is
//! among it, and of libraries that are both, only the server. Nor does any code of ours open a connection itself, or look a
//! host up: databases, brokers and mail servers are reached by drivers of their own, at addresses that the operator
//! configures. (Tests may use clients: neither they nor what they depend on is looked at.)

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::workspace::{SERVER, Workspace};

/// Crates that fetch what a URL names.
const CLIENTS: [&str; 17] = [
    "reqwest",
    "ureq",
    "isahc",
    "curl",
    "curl-sys",
    "surf",
    "attohttpc",
    "minreq",
    "awc",
    "ehttp",
    "http-req",
    "nyquest",
    "hyper-rustls",
    "hyper-tls",
    "hyper-timeout",
    "oauth2",
    "openidconnect",
];

/// Features by which a library is a client as well.
const CLIENT_FEATURES: [(&str, &[&str]); 4] = [
    ("hyper", &["client", "full"]),
    (
        "hyper-util",
        &[
            "client",
            "client-legacy",
            "client-pool",
            "client-proxy",
            "full",
        ],
    ),
    ("tonic", &["channel", "transport"]),
    ("jsonwebtoken", &["jwks"]),
];

/// What of the standard library, of tokio and of what is built in anyway leads out.
const WAYS_OUT: [&str; 9] = [
    "TcpStream::connect",
    "TcpSocket",
    "UdpSocket",
    "UnixStream::connect",
    "lookup_host",
    "to_socket_addrs",
    "connect_async",
    "client_async",
    "process::Command",
];

/// Crates of the workspace that the program is not made of.
const NOT_OF_THE_PROGRAM: [&str; 2] = ["xtask", "p2p-tests"];

/// Fails with every client that is built in, in a sentence each.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut tree = workspace.cargo(["tree", "--package", SERVER, "--edges", "normal"]);
    // Each package in a line of its own: `hyper v1.6.0 [http1,server]`.
    tree.args([
        "--all-features",
        "--prefix",
        "none",
        "--format",
        "{p} [{f}]",
    ]);
    let printed = process::output("outgoing", &mut tree)?;
    let mut found = clients(&String::from_utf8_lossy(&printed))?;
    for package in workspace.metadata.workspace_packages() {
        let folder = package.manifest_path.parent().context("no folder")?;
        if !NOT_OF_THE_PROGRAM.contains(&package.name.as_str()) {
            connections(folder.join("src").as_std_path(), &mut found)?;
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    bail!(
        "the step `outgoing` failed: {SERVER} must have no means to call a stranger\n  {}",
        found.join("\n  ")
    )
}

/// Every line that opens a connection, in this folder and below.
fn connections(folder: &Path, found: &mut Vec<String>) -> Result<()> {
    let shown = || folder.display().to_string();
    for entry in fs::read_dir(folder).with_context(shown)? {
        let path = entry.with_context(shown)?.path();
        if path.is_dir() {
            connections(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            for (number, line) in (1..).zip(source.lines()) {
                if let Some(way) = WAYS_OUT.iter().find(|way| line.contains(**way)) {
                    found.push(format!("{}:{number} has {way}", path.display()));
                }
            }
        }
    }
    Ok(())
}

/// Every client in a tree.
fn clients(tree: &str) -> Result<Vec<String>> {
    let mut clients = Vec::new();
    let mut read = 0;
    for line in tree.lines() {
        let Some((package, features)) = line.split_once(" [") else {
            continue;
        };
        let Some((name, _)) = package.split_once(" v") else {
            continue;
        };
        read += 1;
        if CLIENTS.contains(&name) {
            clients.push(format!("{name} is an HTTP client"));
        }
        let features = features.split(']').next().unwrap_or_default();
        let of_clients = CLIENT_FEATURES.iter().find(|(owner, _)| *owner == name);
        let of_clients = of_clients.map_or(&[][..], |(_, features)| features);
        for feature in features.split(',').filter(|one| of_clients.contains(one)) {
            clients.push(format!("{name} has the feature {feature}"));
        }
    }
    // What is said of a tree that could not be read means nothing.
    if !tree.starts_with(SERVER) || read < 2 {
        bail!("the step `outgoing` failed: cargo's tree can't be read");
    }
    clients.sort_unstable();
    clients.dedup();
    Ok(clients)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVERS: &str = "p2p-market v0.1.0 (/home/p2p-market) []\n\
        hyper v1.6.0 [default,http1,http2,server]\n\
        hyper v1.6.0 [default,http1,http2,server] (*)\n\
        p2p-http v0.1.0 (/home/p2p-market/adapters/http) []\n\
        \n\
        serde_derive v1.0.0 (proc-macro) [default]\n";

    #[test]
    fn servers_are_no_clients() {
        assert_eq!(clients(SERVERS).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn every_client_is_found() {
        for name in CLIENTS {
            let tree = format!("{SERVERS}{name} v1.2.3 [default]\n{name} v1.2.3 [default] (*)\n");
            assert_eq!(
                clients(&tree).unwrap(),
                [format!("{name} is an HTTP client")]
            );
        }
        for (name, features) in CLIENT_FEATURES {
            for feature in features {
                let tree = format!("{SERVERS}{name} v1.2.3 [default,{feature},server] (*)\n");
                let found = clients(&tree).unwrap();
                assert_eq!(found, [format!("{name} has the feature {feature}")]);
            }
        }
    }

    #[test]
    fn every_way_out_is_found() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let found = || {
            let mut found = Vec::new();
            connections(root.path(), &mut found).unwrap();
            found
        };
        fs::write(deep.join("notes.md"), "TcpStream::connect").unwrap();
        fs::write(deep.join("c.rs"), "fn listen() { TcpListener::bind }\n").unwrap();
        assert_eq!(found(), Vec::<String>::new());
        for way in WAYS_OUT {
            fs::write(deep.join("c.rs"), format!("\nlet stream = {way}(url);\n")).unwrap();
            assert_eq!(
                found(),
                [format!("{}:2 has {way}", deep.join("c.rs").display())]
            );
        }
    }

    #[test]
    fn a_tree_that_is_none_is_not_believed() {
        for tree in [
            "",
            "warning: nothing to print.",
            "p2p-market v0.1.0 []\n",
            "hyper v1 []\nh2 v1 []\n",
        ] {
            assert!(clients(tree).is_err(), "{tree}");
        }
    }
}
