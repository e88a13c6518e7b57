//! The modules of a crate: what each defines, imports and refers to, read from its files without test code.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::lexer::{self, Kind, Token};
use crate::test_code::{self, group_end, is};

/// All modules of a crate; the first is its root.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    pub(crate) all: Vec<Module>,
}

#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) parent: Option<usize>,
    pub(crate) children: BTreeMap<String, usize>,
    pub(crate) file: PathBuf,
    pub(crate) imports: Vec<Import>,
    /// Paths of at least two segments in code.
    pub(crate) paths: Vec<(Vec<String>, usize)>,
    items: HashSet<String>,
}

/// One name of a `use`; without a name, all names of a module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    name: Option<String>,
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// Where a path leads: to a module, or to an item in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) module: usize,
    is_module: bool,
}

/// How many imports may lead to one another.
const MAX_IMPORTS: usize = 8;

impl Modules {
    /// Reads the crate whose root is this file.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut modules = Self::default();
        let root_module = modules.add("crate", None, root);
        modules.file(root_module, root, root.parent().unwrap_or(root))?;
        Ok(modules)
    }

    /// The module and those around it, the root first.
    pub(crate) fn chain(&self, module: usize) -> Vec<usize> {
        let parent = |&module: &usize| self.all.get(module).and_then(|module| module.parent);
        let mut chain: Vec<_> = std::iter::successors(Some(module), parent).collect();
        chain.reverse();
        chain
    }

    /// `None` if the path leads out of the crate.
    pub(crate) fn resolve(&self, from: usize, path: &[String]) -> Option<Target> {
        self.follow(from, path, MAX_IMPORTS)
    }

    fn follow(&self, from: usize, path: &[String], imports: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let module = |module| Target {
            module,
            is_module: true,
        };
        let mut target = match first.as_str() {
            "crate" => module(0),
            "self" => module(from),
            "super" => module(self.all.get(from)?.parent?),
            name => self.lookup(from, name, imports)?,
        };
        for name in rest {
            if !target.is_module {
                break;
            }
            let next = if name == "super" {
                self.all.get(target.module)?.parent.map(module)
            } else {
                self.lookup(target.module, name, imports)
            };
            // An item that a macro defines is in the last module that is known.
            let unknown = Target {
                is_module: false,
                ..target
            };
            target = next.unwrap_or(unknown);
        }
        Some(target)
    }

    fn lookup(&self, within: usize, name: &str, imports: usize) -> Option<Target> {
        let module = self.all.get(within)?;
        if let Some(&child) = module.children.get(name) {
            return Some(Target {
                module: child,
                is_module: true,
            });
        }
        if module.items.contains(name) {
            return Some(Target {
                module: within,
                is_module: false,
            });
        }
        let imports = imports.checked_sub(1)?;
        let by_name = |import: &&Import| import.name.as_deref() == Some(name);
        let by_name = module.imports.iter().filter(by_name);
        let mut by_name = by_name.filter(|import| import.path != [name]);
        let named = by_name.find_map(|import| self.follow(within, &import.path, imports));
        named.or_else(|| {
            let mut globs = module.imports.iter().filter(|import| import.name.is_none());
            globs.find_map(|glob| {
                let target = self.follow(within, &glob.path, imports)?;
                let other = target.is_module && target.module != within;
                other.then(|| self.lookup(target.module, name, imports))?
            })
        })
    }

    fn add(&mut self, name: &str, parent: Option<usize>, file: &Path) -> usize {
        let module = self.all.len();
        if let Some(parent) = parent.and_then(|parent| self.all.get_mut(parent)) {
            parent.children.insert(name.to_owned(), module);
        }
        self.all.push(Module {
            name: name.to_owned(),
            parent,
            children: BTreeMap::new(),
            file: file.to_owned(),
            imports: Vec::new(),
            paths: Vec::new(),
            items: HashSet::new(),
        });
        module
    }

    /// Reads the module's file; `folder` is where its children are.
    fn file(&mut self, module: usize, file: &Path, folder: &Path) -> Result<()> {
        let source = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let mut tokens = lexer::tokens(&source);
        tokens.retain(|token| token.kind != Kind::Comment);
        for item in test_code::items(&tokens).into_iter().rev() {
            tokens.drain(item);
        }
        self.body(module, &tokens, file, folder)
    }

    fn body(
        &mut self,
        module: usize,
        tokens: &[Token<'_>],
        file: &Path,
        folder: &Path,
    ) -> Result<()> {
        let mut depth = 0_usize;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let next = tokens.get(at + 1).filter(|next| next.kind == Kind::Ident);
            if token.is("{") {
                depth += 1;
            } else if token.is("}") {
                depth = depth.saturating_sub(1);
            } else if let (true, Some(name), 0) = (token.is("mod"), next, depth) {
                at = self.child(module, name.text, tokens, at + 2, (file, folder))?;
                continue;
            } else if token.is("use") && !is(tokens, at + 1, "<") {
                let mut imports = Vec::new();
                at = use_tree(tokens, at + 1, &[], &mut imports);
                self.with(module, |module| module.imports.append(&mut imports));
                continue;
            } else if let (0, Some(name)) = (depth, defined(token, next)) {
                self.with(module, |module| module.items.insert(name.to_owned()));
            } else if token.kind == Kind::Ident && !follows_path(tokens, at) {
                let (path, end) = path(tokens, at);
                if path.len() > 1 {
                    self.with(module, |module| module.paths.push((path, token.line)));
                }
                at = end;
                continue;
            }
            at += 1;
        }
        Ok(())
    }

    /// Reads a child whose `;` or `{` is here; where it ends.
    fn child(
        &mut self,
        parent: usize,
        name: &str,
        tokens: &[Token<'_>],
        at: usize,
        (file, folder): (&Path, &Path),
    ) -> Result<usize> {
        let own_folder = folder.join(name);
        if is(tokens, at, "{") {
            let end = group_end(tokens, at);
            let inside = tokens.get(at + 1..end).unwrap_or_default();
            let child = self.add(name, Some(parent), file);
            self.body(child, inside, file, &own_folder)?;
            return Ok(end + 1);
        }
        let flat = folder.join(format!("{name}.rs"));
        let file = if flat.is_file() {
            flat
        } else {
            own_folder.join("mod.rs")
        };
        let child = self.add(name, Some(parent), &file);
        self.file(child, &file, &own_folder)?;
        Ok(at + 1)
    }

    fn with<T>(&mut self, module: usize, change: impl FnOnce(&mut Module) -> T) {
        if let Some(module) = self.all.get_mut(module) {
            change(module);
        }
    }
}

/// The name of the item that begins with this keyword.
fn defined<'a>(token: &Token<'_>, next: Option<&Token<'a>>) -> Option<&'a str> {
    let keywords = [
        "fn", "struct", "enum", "trait", "type", "const", "static", "union",
    ];
    let is_item = token.kind == Kind::Ident && keywords.contains(&token.text);
    let name = next.filter(|_| is_item)?.text;
    let is_keyword = matches!(name, "fn" | "unsafe" | "async" | "extern" | "mut");
    (!is_keyword).then_some(name)
}

/// Whether the name belongs to the path or value before it.
fn follows_path(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |distance: usize, text: &str| {
        at.checked_sub(distance)
            .is_some_and(|at| is(tokens, at, text))
    };
    before(1, ".") || before(1, ":") && before(2, ":")
}

/// The names of a path from here on, and where it ends.
fn path(tokens: &[Token<'_>], start: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    let mut at = start;
    while let Some(name) = tokens.get(at).filter(|token| token.kind == Kind::Ident) {
        path.push(name.text.to_owned());
        if !is(tokens, at + 1, ":") || !is(tokens, at + 2, ":") {
            return (path, at + 1);
        }
        at += 3;
    }
    (path, at)
}

/// The names of a `use` from here on, and where it ends.
fn use_tree(
    tokens: &[Token<'_>],
    start: usize,
    prefix: &[String],
    imports: &mut Vec<Import>,
) -> usize {
    let line = tokens.get(start).map_or(0, |token| token.line);
    let (names, mut at) = path(tokens, start);
    let mut path = [prefix, &names].concat();
    if is(tokens, at, "{") {
        let end = group_end(tokens, at);
        at += 1;
        while at < end {
            at = use_tree(tokens, at, &path, imports).max(at + 1);
        }
        at = end + 1;
    } else if is(tokens, at, "*") {
        at += 1;
        imports.push(Import {
            name: None,
            path,
            line,
        });
    } else if !names.is_empty() {
        // `a::{self}` is `a`.
        if !prefix.is_empty() && names == ["self"] {
            path.pop();
        }
        let mut name = path.last().cloned();
        if is(tokens, at, "as") {
            name = tokens.get(at + 1).map(|token| token.text.to_owned());
            at += 2;
        }
        imports.push(Import { name, path, line });
    }
    if is(tokens, at, ",") || is(tokens, at, ";") {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the files of a crate and reads it.
    fn read(files: &[(&str, &str)]) -> (tempfile::TempDir, Modules) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let modules = Modules::read(&root.path().join("lib.rs")).unwrap();
        (root, modules)
    }

    fn target(modules: &Modules, from: &str, path: &str) -> Option<String> {
        let names = modules.all.iter().map(|module| module.name.as_str());
        let from = names.clone().position(|name| name == from).unwrap();
        let path: Vec<_> = path.split("::").map(str::to_owned).collect();
        let target = modules.resolve(from, &path)?;
        let name = names.clone().nth(target.module).unwrap();
        Some(name.to_owned())
    }

    #[test]
    fn modules_are_found_in_files_and_folders() {
        let (_root, modules) = read(&[
            (
                "lib.rs",
                "mod a; pub mod b { mod c; } #[cfg(test)] mod tests;",
            ),
            ("a/mod.rs", "mod d;"),
            ("a/d.rs", "mod e;"),
            ("a/d/e.rs", ""),
            ("b/c.rs", ""),
        ]);
        let names: Vec<_> = modules
            .all
            .iter()
            .map(|module| module.name.as_str())
            .collect();
        assert_eq!(names, ["crate", "a", "d", "e", "b", "c"]);
        assert_eq!(modules.chain(3), [0, 1, 2, 3]);
    }

    #[test]
    fn a_module_without_a_file_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("lib.rs");
        fs::write(&file, "mod gone;").unwrap();
        assert!(Modules::read(&file).is_err());
    }

    #[test]
    fn paths_lead_to_the_module_that_defines_a_name() {
        let (_root, modules) = read(&[
            (
                "lib.rs",
                "mod a; mod b; pub use a::{d::{self, Deep}, Thing as Other}; pub use b::*; use std::fs; struct Own;",
            ),
            (
                "a.rs",
                "pub mod d; pub struct Thing; use crate::b; named! { Made }",
            ),
            ("a/d.rs", "pub struct Deep; pub const fn value() {}"),
            (
                "b.rs",
                "pub enum Choice { One } pub(crate) mod inner { pub fn f() {} }",
            ),
        ]);
        for (from, path, expected) in [
            ("b", "crate::a::Thing", Some("a")),
            ("b", "super::a::d::value", Some("d")),
            ("b", "crate::Deep", Some("d")),
            ("b", "crate::d::Deep", Some("d")),
            ("b", "super::Other::new", Some("a")),
            ("a", "crate::Choice::One", Some("b")),
            ("a", "super::inner::f", Some("inner")),
            ("a", "crate::Own", Some("crate")),
            ("a", "crate::a::Made", Some("a")),
            ("a", "self::d::Deep", Some("d")),
            ("a", "b::inner::f", Some("inner")),
            ("d", "super::super::b", Some("b")),
            ("a", "std::fs::read", None),
            ("crate", "fs::read", None),
        ] {
            assert_eq!(
                target(&modules, from, path).as_deref(),
                expected,
                "{from}: {path}"
            );
        }
    }

    #[test]
    fn references_are_found_in_every_place() {
        let (_root, modules) = read(&[(
            "lib.rs",
            "use a::{b, c::{self, D as E}, f::*};\nfn x(y: crate::g::H) { z!(super::i::j::<K>()) }\n\
             #[cfg(test)] use l::m;\n// crate::n::o\nconst P: &str = \"crate::q\";",
        )]);
        let imports = modules.all[0].imports.iter();
        let imports: Vec<_> = imports
            .map(|import| (import.name.as_deref(), import.path.join("::")))
            .collect();
        assert_eq!(
            imports,
            [
                (Some("b"), "a::b".to_owned()),
                (Some("c"), "a::c".to_owned()),
                (Some("E"), "a::c::D".to_owned()),
                (None, "a::f".to_owned())
            ]
        );
        let paths = modules.all[0].paths.iter();
        let paths: Vec<_> = paths.map(|(path, line)| (path.join("::"), *line)).collect();
        assert_eq!(
            paths,
            [("crate::g::H".to_owned(), 2), ("super::i::j".to_owned(), 2)]
        );
    }
}
