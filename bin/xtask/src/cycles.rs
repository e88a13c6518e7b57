//! Import cycles: modules with one parent that refer to one another in a circle.
//!
//! A module stands for all modules below it. A reference to an ancestor or a descendant is no part of a cycle, but a name
//! that an ancestor only re-exports counts as a reference to the module that defines it. Code for tests is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Result, bail};

use crate::modules::Modules;
use crate::workspace::Workspace;
use crate::{process, report};

/// How many modules of a crate may be in cycles, over all levels; none in a crate that is not named.
const CEILINGS: &[(&str, usize)] = &[("p2p-application", 18), ("p2p-memory", 4), ("p2p-tests", 4)];

/// Fails if a crate has more modules in cycles than it may.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    process::header("cycles", "modules that import one another");
    let mut violations = Vec::new();
    for cycles in read(workspace)? {
        violations.extend(cycles.violation(CEILINGS));
    }
    report::conclude("cycles", &violations)
}

/// Prints the cycles of these crates, or of all.
pub(crate) fn list(workspace: &Workspace, crates: &[String]) -> Result<()> {
    let all = read(workspace)?;
    if let Some(unknown) = crates
        .iter()
        .find(|name| !all.iter().any(|one| one.is(name)))
    {
        bail!("there is no crate {unknown}");
    }
    let mut out = io::stdout().lock();
    for cycles in &all {
        if crates.is_empty() || crates.iter().any(|name| cycles.is(name)) {
            writeln!(out, "{}", cycles.summary())?;
            for line in cycles.lines() {
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

/// What was found in a package, over all its roots.
#[derive(Debug, Default)]
struct Cycles {
    package: String,
    top_level: usize,
    found: Vec<Cycle>,
}

/// Modules of one parent, each of which can be reached from each other.
#[derive(Debug, PartialEq, Eq)]
struct Cycle {
    /// The names below the crate's root.
    parent: Vec<String>,
    members: Vec<String>,
    /// The edges between the members, each with an example.
    hops: Vec<String>,
}

impl Cycles {
    fn is(&self, name: &str) -> bool {
        self.package
            .strip_suffix(name)
            .is_some_and(|prefix| prefix.is_empty() || prefix == "p2p-")
    }

    fn members(&self, wanted: impl Fn(&Cycle) -> bool) -> usize {
        let found = self.found.iter().filter(|cycle| wanted(cycle));
        found.map(|cycle| cycle.members.len()).sum()
    }

    fn in_cycles(&self) -> usize {
        self.members(|_| true)
    }

    fn summary(&self) -> String {
        format!(
            "{}: {} of {} top-level modules are in cycles, {} modules over all levels",
            self.package,
            self.members(|cycle| cycle.parent.is_empty()),
            self.top_level,
            self.in_cycles()
        )
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for cycle in &self.found {
            let (size, members) = (cycle.members.len(), cycle.members.join(", "));
            let parent = [&["crate".to_owned()], cycle.parent.as_slice()]
                .concat()
                .join("::");
            lines.push(format!("  in {parent}, {size} modules: {members}"));
            lines.extend(cycle.hops.iter().map(|hop| format!("    {hop}")));
        }
        lines
    }

    fn violation(&self, ceilings: &[(&str, usize)]) -> Option<String> {
        let ceiling = ceilings
            .iter()
            .find(|(package, _)| *package == self.package);
        let ceiling = ceiling.map_or(0, |(_, ceiling)| *ceiling);
        let what = format!("{}, at most {ceiling} may be", self.summary());
        let lines = std::iter::once(what).chain(self.lines());
        (self.in_cycles() > ceiling).then(|| lines.collect::<Vec<_>>().join("\n  "))
    }
}

/// The libraries and programs of the workspace, by package.
fn read(workspace: &Workspace) -> Result<Vec<Cycles>> {
    let mut all = Vec::new();
    for package in workspace.metadata.workspace_packages() {
        let mut cycles = Cycles {
            package: package.name.to_string(),
            ..Cycles::default()
        };
        let targets = package.targets.iter();
        for target in targets.filter(|target| target.is_lib() || target.is_bin()) {
            let modules = Modules::read(target.src_path.as_std_path())?;
            cycles.top_level += modules.all.first().map_or(0, |root| root.children.len());
            cycles.found.extend(find(&modules, workspace.root()));
        }
        all.push(cycles);
    }
    Ok(all)
}

/// The first reference from one module to another, and how many there are.
struct Edge {
    example: String,
    references: usize,
}

/// The graph of a parent's children.
type Graph = BTreeMap<usize, BTreeMap<usize, Edge>>;

fn find(modules: &Modules, root: &Path) -> Vec<Cycle> {
    let name = |module: &usize| {
        let module = modules.all.get(*module);
        module.map_or_else(String::new, |module| module.name.clone())
    };
    let mut cycles = Vec::new();
    for (parent, graph) in graphs(modules, root) {
        for members in components(&graph) {
            let edges = graph.iter().filter(|(from, _)| members.contains(from));
            let edges = edges
                .flat_map(|(from, edges)| edges.iter().map(move |(to, edge)| (from, to, edge)));
            let inside = edges.filter(|(_, to, _)| members.contains(to));
            let hops = inside.map(|(from, to, edge)| {
                let Edge {
                    example,
                    references,
                } = edge;
                format!("{} -> {}: {example} ({references})", name(from), name(to))
            });
            cycles.push(Cycle {
                parent: modules.chain(parent).iter().skip(1).map(name).collect(),
                members: members.iter().map(name).collect(),
                hops: hops.collect(),
            });
        }
    }
    cycles
}

/// The graphs of all levels, by parent.
fn graphs(modules: &Modules, root: &Path) -> BTreeMap<usize, Graph> {
    let mut graphs = BTreeMap::<usize, Graph>::new();
    for (from, module) in modules.all.iter().enumerate() {
        let file = module.file.strip_prefix(root).unwrap_or(&module.file);
        let imports = module
            .imports
            .iter()
            .map(|import| (&import.path, import.line));
        let paths = module.paths.iter().map(|(path, line)| (path, *line));
        for (path, line) in imports.chain(paths) {
            let target = modules.resolve(from, path);
            let hop = target.and_then(|target| siblings(modules, from, target.module));
            if let Some((parent, a, b)) = hop {
                let edges = graphs.entry(parent).or_default().entry(a).or_default();
                let edge = edges.entry(b).or_insert_with(|| Edge {
                    example: format!("{}:{line}", file.display()),
                    references: 0,
                });
                edge.references += 1;
            }
        }
    }
    graphs
}

/// The innermost parent of both, and its two children that hold them. `None` if one holds the other.
fn siblings(modules: &Modules, from: usize, to: usize) -> Option<(usize, usize, usize)> {
    let (from, to) = (modules.chain(from), modules.chain(to));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let parent = from.get(common.checked_sub(1)?)?;
    Some((*parent, *from.get(common)?, *to.get(common)?))
}

/// The strongly connected components of more than one module.
fn components(graph: &Graph) -> Vec<BTreeSet<usize>> {
    let reachable: BTreeMap<usize, BTreeSet<usize>> = graph
        .keys()
        .map(|&start| (start, reachable(graph, start)))
        .collect();
    let reaches = |a: &usize, b: &usize| reachable.get(a).is_some_and(|set| set.contains(b));
    let mut components: Vec<BTreeSet<usize>> = Vec::new();
    for module in graph.keys().filter(|module| reaches(module, module)) {
        if !components
            .iter()
            .any(|component| component.contains(module))
        {
            let members = graph
                .keys()
                .filter(|other| reaches(module, other) && reaches(other, module));
            components.push(members.copied().collect());
        }
    }
    components
}

fn reachable(graph: &Graph, start: usize) -> BTreeSet<usize> {
    let mut reachable = BTreeSet::new();
    let mut open = vec![start];
    while let Some(module) = open.pop() {
        for &next in graph.get(&module).into_iter().flat_map(BTreeMap::keys) {
            if reachable.insert(next) {
                open.push(next);
            }
        }
    }
    reachable
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What is found in a crate of these files.
    fn read(files: &[(&str, &str)]) -> Cycles {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let modules = Modules::read(&root.path().join("lib.rs")).unwrap();
        Cycles {
            package: "p2p-x".to_owned(),
            top_level: modules.all[0].children.len(),
            found: find(&modules, root.path()),
        }
    }

    fn lines(files: &[(&str, &str)]) -> Vec<String> {
        read(files).lines()
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn a_cycle_is_found_with_every_hop() {
        let files = |c: &'static str| {
            [
                ("lib.rs", "mod a; mod b; mod c; mod d;"),
                ("a.rs", "use crate::b::B;\nfn f(b: crate::b::B) {}"),
                ("b.rs", "\nfn f() { super::c::f() }"),
                ("c.rs", c),
                ("d.rs", "use crate::a;"),
            ]
        };
        assert_eq!(
            lines(&files("fn f() { g!(crate::a::f) }")),
            [
                "  in crate, 3 modules: a, b, c",
                "    a -> b: a.rs:1 (2)",
                "    b -> c: b.rs:2 (1)",
                "    c -> a: c.rs:1 (1)"
            ]
        );
        assert_eq!(lines(&files("fn f() {}")), NONE);
        assert_eq!(
            lines(&files("#[cfg(test)] mod tests { use crate::a; }")),
            NONE
        );
    }

    #[test]
    fn a_module_stands_for_those_below_it() {
        let files = |b: &'static str| {
            [
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "mod deep;"),
                ("a/deep.rs", "use crate::b::inner::B;"),
                ("b.rs", "mod inner { pub struct B; } mod other;"),
                ("b/other.rs", b),
            ]
        };
        let bad = lines(&files("fn f() { crate::a::f() }"));
        assert_eq!(bad[0], "  in crate, 2 modules: a, b");
        assert_eq!(lines(&files("use super::inner::B;")), NONE);
    }

    #[test]
    fn lower_levels_are_looked_through() {
        let cycles = read(&[
            ("lib.rs", "mod a;"),
            ("a.rs", "mod b; mod c; mod d;"),
            ("a/b.rs", "use super::c::C;"),
            ("a/c.rs", "use crate::a::b::B;"),
            ("a/d.rs", "use super::b::B;"),
        ]);
        assert_eq!(cycles.lines()[0], "  in crate::a, 2 modules: b, c");
        assert_eq!(
            cycles.summary(),
            "p2p-x: 0 of 1 top-level modules are in cycles, 2 modules over all levels"
        );
    }

    #[test]
    fn parents_and_children_are_no_cycle() {
        let files = [
            ("lib.rs", "mod a; pub use a::A; pub struct Own;"),
            (
                "a.rs",
                "mod b; pub use b::B; pub struct A(b::B); use crate::Own;",
            ),
            ("a/b.rs", "use super::A; use crate::Own; pub struct B;"),
        ];
        assert_eq!(lines(&files), NONE);
    }

    #[test]
    fn names_that_a_parent_re_exports_lead_to_their_module() {
        let files = |root: &'static str| {
            [
                ("lib.rs", root),
                ("a.rs", "use super::B;"),
                ("b.rs", "use crate::a::A; pub struct B;"),
            ]
        };
        for root in [
            "mod a; mod b; pub use b::B;",
            "mod a; mod b; use b::B;",
            "mod a; mod b; pub use self::b::{B};",
            "mod a; mod b; pub use crate::b::*;",
            "mod a; mod b; pub use b::Old as B;",
        ] {
            assert_eq!(
                lines(&files(root))[0],
                "  in crate, 2 modules: a, b",
                "{root}"
            );
        }
        assert_eq!(lines(&files("mod a; mod b; struct B;")), NONE);
    }

    #[test]
    fn more_than_the_ceiling_is_a_violation() {
        let cycles = read(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::a::A;"),
        ]);
        assert_eq!(cycles.violation(&[("p2p-x", 2)]), None);
        let found = cycles.violation(&[("p2p-x", 1)]).unwrap();
        assert!(found.ends_with("b -> a: b.rs:1 (1)"), "{found}");
        let found = cycles.violation(&[("p2p-y", 2)]).unwrap();
        assert!(
            found.contains("2 modules over all levels, at most 0 may be\n"),
            "{found}"
        );
    }
}
