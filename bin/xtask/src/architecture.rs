//! `domain <- application <- adapters <- bin`, read from what the manifests declare.
//!
//! Development dependencies are free; normal and build ones, also optional and platform-specific ones, are not.

use std::path::Path;

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata};

use crate::process;

/// Families of crates that do I/O, so that use cases leave them to the adapters: `sqlx` stands for `sqlx-core` too.
const NOT_IN_APPLICATION: [&str; 8] = [
    "sqlx", "sea-orm", "axum", "lapin", "tonic", "prost", "lettre", "redis",
];

/// Families of crates that belong to one adapter; other crates use them through it.
const BELONG_TO: [(&str, &str); 5] = [
    ("tonic", "p2p-grpc"),
    ("prost", "p2p-grpc"),
    ("protox", "p2p-grpc"),
    ("lettre", "p2p-mail"),
    ("redis", "p2p-redis"),
];

/// The web kit: the one adapter that others may use. It knows neither the domain nor the application.
const WEB_KIT: &str = "p2p-edge";

/// The adapters that serve requests by the web kit.
const SERVERS: [&str; 2] = ["p2p-http", "p2p-grpc"];

/// Fails with every violation, in a sentence each.
pub(crate) fn check(metadata: &Metadata) -> Result<()> {
    process::header("architecture", "domain <- application <- adapters <- bin");
    let violations = violations(&members(metadata));
    if violations.is_empty() {
        return Ok(());
    }
    bail!(
        "the step `architecture` failed:\n  {}",
        violations.join("\n  ")
    )
}

/// A crate of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    name: String,
    layer: Option<Layer>,
    dependencies: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Domain,
    Application,
    Migration,
    Adapter,
    Bin,
    Tests,
}

impl Layer {
    /// By folder, relative to the workspace's root.
    fn of(folder: &Path) -> Option<Self> {
        let layer = match folder.iter().next()?.to_str()? {
            "domain" => Self::Domain,
            "application" => Self::Application,
            "migration" => Self::Migration,
            "adapters" => Self::Adapter,
            "bin" => Self::Bin,
            "tests" => Self::Tests,
            _ => return None,
        };
        Some(layer)
    }

    fn may_depend_on(self, other: Self) -> bool {
        match self {
            // A migration that has run must not change because the code did.
            Self::Domain | Self::Migration => false,
            Self::Application => other == Self::Domain,
            Self::Adapter => matches!(other, Self::Domain | Self::Application | Self::Migration),
            Self::Bin => !matches!(other, Self::Bin | Self::Tests),
            Self::Tests => other != Self::Tests,
        }
    }
}

fn members(metadata: &Metadata) -> Vec<Member> {
    let packages = metadata.workspace_packages().into_iter();
    packages
        .map(|package| {
            let folder = package.manifest_path.parent();
            let folder =
                folder.and_then(|folder| folder.strip_prefix(&metadata.workspace_root).ok());
            let dependencies = package.dependencies.iter();
            Member {
                name: package.name.to_string(),
                layer: folder.and_then(|folder| Layer::of(folder.as_std_path())),
                dependencies: dependencies
                    .filter(|dependency| dependency.kind != DependencyKind::Development)
                    .map(|dependency| dependency.name.clone())
                    .collect(),
            }
        })
        .collect()
}

fn violations(members: &[Member]) -> Vec<String> {
    let mut violations = Vec::new();
    for member in members {
        let Some(layer) = member.layer else {
            violations.push(format!("{} is in no folder of a layer", member.name));
            continue;
        };
        for dependency in &member.dependencies {
            let target = members.iter().find(|other| other.name == *dependency);
            let target = target.and_then(|target| target.layer);
            let reason = if member.name == WEB_KIT {
                target.map(|_| "the web kit uses no crate of ours".to_owned())
            } else if dependency == WEB_KIT && SERVERS.contains(&member.name.as_str()) {
                None
            } else {
                objection(layer, dependency, target)
            };
            if let Some(reason) = reason.or_else(|| others_own(layer, &member.name, dependency)) {
                violations.push(format!("{} uses {dependency}: {reason}", member.name));
            }
        }
    }
    violations
}

/// Why a crate of this layer may not use the dependency; `target` is the dependency's layer if it is ours.
fn objection(layer: Layer, dependency: &str, target: Option<Layer>) -> Option<String> {
    if layer == Layer::Domain {
        return Some("the domain uses nothing but std".to_owned());
    }
    if layer == Layer::Application && does_io(dependency) {
        return Some("the application reaches it through a port".to_owned());
    }
    match target {
        Some(target) if !layer.may_depend_on(target) => {
            Some(format!("{layer:?} may not depend on {target:?}"))
        }
        _ => None,
    }
}

fn does_io(dependency: &str) -> bool {
    let mut families = NOT_IN_APPLICATION.iter();
    families.any(|family| is_of(family, dependency))
}

/// Whether the dependency is another adapter's own. Tests may speak to an adapter from outside.
fn others_own(layer: Layer, name: &str, dependency: &str) -> Option<String> {
    let mut owned = BELONG_TO.iter();
    let (_, owner) = owned.find(|(family, _)| is_of(family, dependency))?;
    let free = layer == Layer::Tests || name == *owner;
    (!free).then(|| format!("it belongs to {owner}"))
}

fn is_of(family: &str, dependency: &str) -> bool {
    let rest = dependency.strip_prefix(family);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cargo_metadata::MetadataCommand;

    use super::*;

    /// The house as it should be, with one more dependency.
    fn violations_with(name: &str, dependency: &str) -> Vec<String> {
        let mut members = [
            ("p2p-domain", Layer::Domain, vec![]),
            (
                "p2p-application",
                Layer::Application,
                vec!["p2p-domain", "tokio"],
            ),
            ("p2p-migration", Layer::Migration, vec!["sea-orm-migration"]),
            (
                "p2p-persistence",
                Layer::Adapter,
                vec!["p2p-application", "p2p-migration", "sea-orm"],
            ),
            ("p2p-edge", Layer::Adapter, vec!["axum"]),
            (
                "p2p-http",
                Layer::Adapter,
                vec!["p2p-application", "p2p-edge", "axum"],
            ),
            (
                "p2p-grpc",
                Layer::Adapter,
                vec![
                    "p2p-application",
                    "p2p-edge",
                    "tonic",
                    "tonic-prost",
                    "protox",
                ],
            ),
            (
                "p2p-market",
                Layer::Bin,
                vec!["p2p-http", "p2p-persistence"],
            ),
            (
                "p2p-tests",
                Layer::Tests,
                vec!["p2p-market", "p2p-http", "tonic"],
            ),
        ]
        .map(|(name, layer, dependencies)| Member {
            name: name.to_owned(),
            layer: Some(layer),
            dependencies: dependencies.into_iter().map(str::to_owned).collect(),
        });
        assert_eq!(violations(&members), Vec::<String>::new());
        let member = members.iter_mut().find(|member| member.name == name);
        member.unwrap().dependencies.push(dependency.to_owned());
        violations(&members)
    }

    #[test]
    fn every_wrong_direction_is_caught() {
        for (name, dependency, reason) in [
            ("p2p-domain", "serde", "the domain uses nothing but std"),
            (
                "p2p-domain",
                "p2p-application",
                "the domain uses nothing but std",
            ),
            (
                "p2p-application",
                "sqlx-core",
                "the application reaches it through a port",
            ),
            (
                "p2p-application",
                "p2p-http",
                "Application may not depend on Adapter",
            ),
            (
                "p2p-migration",
                "p2p-domain",
                "Migration may not depend on Domain",
            ),
            (
                "p2p-http",
                "p2p-persistence",
                "Adapter may not depend on Adapter",
            ),
            ("p2p-grpc", "p2p-http", "Adapter may not depend on Adapter"),
            (
                "p2p-persistence",
                "p2p-edge",
                "Adapter may not depend on Adapter",
            ),
            (
                "p2p-edge",
                "p2p-domain",
                "the web kit uses no crate of ours",
            ),
            (
                "p2p-edge",
                "p2p-application",
                "the web kit uses no crate of ours",
            ),
            ("p2p-edge", "p2p-http", "the web kit uses no crate of ours"),
            ("p2p-edge", "tonic", "it belongs to p2p-grpc"),
            ("p2p-http", "tonic-health", "it belongs to p2p-grpc"),
            ("p2p-market", "prost", "it belongs to p2p-grpc"),
            ("p2p-market", "lettre", "it belongs to p2p-mail"),
            ("p2p-market", "redis", "it belongs to p2p-redis"),
            ("p2p-http", "p2p-market", "Adapter may not depend on Bin"),
            ("p2p-market", "p2p-tests", "Bin may not depend on Tests"),
        ] {
            assert_eq!(
                violations_with(name, dependency),
                [format!("{name} uses {dependency}: {reason}")]
            );
        }
    }

    #[test]
    fn the_application_does_no_io_itself() {
        for family in NOT_IN_APPLICATION {
            assert_eq!(violations_with("p2p-application", family).len(), 1);
        }
        assert_eq!(
            violations_with("p2p-application", "axiom"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_crate_outside_the_layers_is_caught() {
        let member = Member {
            name: "stray".to_owned(),
            layer: Layer::of(Path::new("tools/stray")),
            dependencies: vec![],
        };
        assert_eq!(violations(&[member]), ["stray is in no folder of a layer"]);
    }

    #[test]
    fn manifests_are_read_as_cargo_reads_them() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "Cargo.toml",
            "[workspace]\nresolver = '3'\nmembers = ['domain', 'adapters/a']\n",
        );
        write("domain/src/lib.rs", "");
        write(
            "domain/Cargo.toml",
            "[package]\nname = 'd'\nedition = '2024'\n[dev-dependencies]\nfree = '1'\n\
             [dependencies]\nrenamed = { package = 'real', version = '1', optional = true }\n\
             [build-dependencies]\nbuilder = '1'\n[target.'cfg(windows)'.dependencies]\nwin = '1'\n",
        );
        write("adapters/a/src/lib.rs", "");
        write(
            "adapters/a/Cargo.toml",
            "[package]\nname = 'a'\nedition = '2024'\n[dependencies]\nd = { path = '../../domain' }\n",
        );
        let mut command = MetadataCommand::new();
        command.manifest_path(root.path().join("Cargo.toml"));
        let metadata = command.no_deps().exec().unwrap();

        let mut members = members(&metadata);
        members.sort_by(|a, b| a.name.cmp(&b.name));
        members[1].dependencies.sort();
        let member = |name: &str, layer, dependencies: &[&str]| Member {
            name: name.to_owned(),
            layer: Some(layer),
            dependencies: dependencies.iter().copied().map(str::to_owned).collect(),
        };
        assert_eq!(
            members,
            [
                member("a", Layer::Adapter, &["d"]),
                member("d", Layer::Domain, &["builder", "real", "win"]),
            ]
        );
    }
}
