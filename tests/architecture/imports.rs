//! The imports between files. A re-export leads to the file that defines the item.

use crate::source::Source;
use std::collections::{BTreeMap, BTreeSet};

type Path = Vec<String>;

/// One file's module.
struct Module {
    file: String,
    /// Items that the file defines at its top level.
    items: BTreeSet<String>,
    /// Imported names, each with its path as written; globs have the name `*`.
    imports: Vec<(String, Path)>,
    /// Other paths in the code.
    paths: BTreeSet<Path>,
}

/// The modules of the crate.
pub struct Crate {
    modules: BTreeMap<Path, Module>,
}

/// The target of a path.
enum Target {
    Module(Path),
    /// An item of this module.
    Item(Path),
}

impl Crate {
    pub fn new(sources: &[Source]) -> Self {
        let modules = sources.iter().filter(|s| s.name != "main.rs").map(|s| (s.module(), Module::read(s)));
        Self { modules: modules.collect() }
    }

    /// For each file the files whose items it uses.
    pub fn imports(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.modules.iter().map(|(path, module)| (module.file.clone(), self.imports_of(path, module))).collect()
    }

    fn imports_of(&self, path: &Path, module: &Module) -> BTreeSet<String> {
        let written = module.imports.iter().map(|(_, written)| written).chain(&module.paths);
        let targets = written.filter_map(|written| self.resolve(path, written, 0));
        let files = targets.map(|target| match target {
            Target::Module(path) | Target::Item(path) => self.modules[&path].file.clone(),
        });
        files.filter(|file| *file != module.file).collect()
    }

    /// Follows a path that is written in a module; `None` if it leaves the crate.
    fn resolve(&self, from: &Path, written: &[String], depth: usize) -> Option<Target> {
        let (mut at, mut rest) = (from.clone(), written);
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                _ => break,
            }
            rest = after;
        }
        self.descend(at, rest, depth)
    }

    fn descend(&self, mut at: Path, mut rest: &[String], depth: usize) -> Option<Target> {
        while let Some((name, after)) = rest.split_first() {
            if name == "*" {
                return Some(Target::Module(at));
            }
            let child: Path = at.iter().chain([name]).cloned().collect();
            if self.modules.contains_key(&child) {
                (at, rest) = (child, after);
                continue;
            }
            let module = self.modules.get(&at)?;
            if module.items.contains(name) {
                return Some(Target::Item(at));
            }
            return self.imported(&at, module, name, after, depth);
        }
        self.modules.contains_key(&at).then_some(Target::Module(at))
    }

    /// Follows a name that a module imports.
    fn imported(&self, at: &Path, module: &Module, name: &str, after: &[String], depth: usize) -> Option<Target> {
        if depth > 8 {
            return None;
        }
        let named = module.imports.iter().find(|(alias, _)| alias == name).map(|(_, path)| path.clone());
        let globs = module.imports.iter().filter(|(alias, _)| alias == "*").map(|(_, path)| {
            let before = &path[..path.len() - 1];
            before.iter().cloned().chain([name.to_owned()]).collect::<Path>()
        });
        let candidates: Vec<Path> = named.into_iter().chain(globs).filter(|p| p[0] != name || p.len() > 1).collect();
        candidates.into_iter().find_map(|path| match self.resolve(at, &path, depth + 1)? {
            Target::Module(module) => self.descend(module, after, depth + 1),
            item @ Target::Item(_) => Some(item),
        })
    }
}

const ITEMS: &[&str] = &["fn", "struct", "enum", "union", "const", "static", "trait", "type", "macro_rules"];

impl Module {
    fn read(source: &Source) -> Self {
        let words = source.words();
        let mut module =
            Self { file: source.name.clone(), items: BTreeSet::new(), imports: Vec::new(), paths: BTreeSet::new() };
        let (mut at, mut depth) = (0, 0_usize);
        while at < words.len() {
            match words[at].as_str() {
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                // `impl Trait + use<'a>` imports nothing.
                "use" if words[at + 1] != "<" => {
                    at = module.tree(&words, at + 1, &Vec::new());
                    continue;
                }
                // `pub(in crate::store)` limits visibility and imports nothing.
                "pub" if words[at + 1..].starts_with(&["(".to_owned(), "in".to_owned()]) => {
                    at += words[at..].iter().take_while(|w| *w != ")").count();
                }
                word if depth == 0 && ITEMS.contains(&word) => {
                    let skipped = usize::from(words.get(at + 1).is_some_and(|w| w == "!"));
                    module.items.extend(words.get(at + 1 + skipped).cloned());
                }
                _ if words.get(at + 1).is_some_and(|w| w == "::") => {
                    let is_start = at == 0 || words[at - 1] != "::";
                    let path: Path = words[at..].iter().step_by(2).take(path_length(&words[at..])).cloned().collect();
                    if is_start {
                        module.paths.insert(path);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        module
    }

    /// Reads a tree of imports; returns the place after it.
    fn tree(&mut self, words: &[String], mut at: usize, before: &Path) -> usize {
        let mut path = before.clone();
        loop {
            match words[at].as_str() {
                "::" => at += 1,
                "{" => {
                    at += 1;
                    while words[at] != "}" {
                        at = self.tree(words, at, &path);
                        at += usize::from(words[at] == ",");
                    }
                    return at + 1;
                }
                "as" => {
                    self.imports.push((words[at + 1].clone(), path));
                    return at + 2;
                }
                "," | "}" | ";" => {
                    if path.last().is_some_and(|last| last == "self") {
                        path.pop();
                    }
                    let alias = path.last().cloned().unwrap_or_default();
                    self.imports.push((alias, path));
                    return at;
                }
                word => {
                    path.push(word.to_owned());
                    at += 1;
                }
            }
        }
    }
}

/// Number of names in the path that begins here.
fn path_length(words: &[String]) -> usize {
    let is_name = |w: &String| w.chars().all(|c| c.is_alphanumeric() || c == '_');
    1 + words[1..].chunks(2).take_while(|pair| pair.len() == 2 && pair[0] == "::" && is_name(&pair[1])).count()
}

/// Finds groups of files that import each other, directly or through others.
pub fn circles(imports: &BTreeMap<String, BTreeSet<String>>) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> =
        imports.keys().map(|file| (file, reachable(imports, file))).collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (file, reached) in &reach {
        let circle: BTreeSet<String> =
            reached.iter().filter(|other| reach[**other].contains(file)).map(|other| (**other).clone()).collect();
        if !circle.is_empty() && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

fn reachable<'a>(imports: &'a BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<&'a String> {
    let mut open: Vec<&String> = imports.get(from).into_iter().flatten().collect();
    let mut seen = BTreeSet::new();
    while let Some(file) = open.pop() {
        if seen.insert(file) {
            open.extend(imports.get(file).into_iter().flatten());
        }
    }
    seen
}
