//! The sources of `src/` without their tests: what each file declares, and from which files it takes names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A module's path from the crate's root, or a path of names.
type Names = Vec<String>;

/// One source file.
pub struct SourceFile {
    /// Its path below `src/`.
    pub name: String,
    /// The module at the crate's root that it belongs to.
    pub module: String,
    path: Names,
    /// What `use` brings in, by the name it has here.
    imports: Vec<(String, Names)>,
    /// What `pub use` passes on, by its name here. Passing on is no import: whoever uses the name imports from its origin.
    exports: BTreeMap<String, Names>,
    /// Modules whose every name is passed on or brought in.
    globs: Vec<(bool, Names)>,
    /// Paths of the code, with the names before each `::`.
    paths: BTreeSet<Names>,
    items: BTreeSet<String>,
    types: Vec<String>,
}

/// One file taking names from another.
pub struct Import<'a> {
    pub from: &'a str,
    pub from_module: &'a str,
    pub to: &'a str,
    pub to_module: &'a str,
}

/// All files of `src/` but its tests and `main.rs`.
pub struct Sources {
    files: BTreeMap<Names, SourceFile>,
    macros: BTreeMap<String, Names>,
    edges: BTreeSet<(Names, Names)>,
}

impl Sources {
    /// Reads and parses them.
    pub fn read() -> Sources {
        let src = root().join("src");
        let mut sources = Sources {
            files: BTreeMap::new(),
            macros: BTreeMap::new(),
            edges: BTreeSet::new(),
        };
        sources.read_module(&src.join("lib.rs"), &src, Vec::new());
        let edges = sources.files.keys().flat_map(|from| {
            let to = sources.taken_from(&sources.files[from]);
            to.into_iter()
                .map(|to| (from.clone(), to))
                .collect::<Vec<_>>()
        });
        sources.edges = edges.filter(|(from, to)| from != to).collect();
        sources
    }

    /// Parses a file and the modules it declares, whose files lie in `folder`.
    fn read_module(&mut self, file: &Path, folder: &Path, path: Names) {
        let text =
            fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed =
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let name = file
            .strip_prefix(root().join("src"))
            .unwrap()
            .display()
            .to_string();
        let mut reading = Reading::new(name, path.clone());
        reading.visit_file(&parsed);
        for name in &reading.macros {
            self.macros.insert(name.clone(), path.clone());
        }
        let file_of = |child: &String| {
            let beside = folder.join(child).with_extension("rs");
            let inside = folder.join(child).join("mod.rs");
            if beside.is_file() { beside } else { inside }
        };
        let mut children = reading.children;
        children.extend(
            reading
                .listed
                .into_iter()
                .filter(|name| file_of(name).is_file()),
        );
        for child in children {
            let file = file_of(&child);
            let path = [path.clone(), vec![child.clone()]].concat();
            self.read_module(&file, &folder.join(&child), path);
        }
        self.files.insert(path, reading.file);
    }

    /// The files whose items `file` uses.
    fn taken_from(&self, file: &SourceFile) -> BTreeSet<Names> {
        let mut origins: Vec<Option<Names>> = Vec::new();
        let mut heads: BTreeMap<&str, Names> = BTreeMap::new();
        for (name, path) in &file.imports {
            match self.module_of(&file.path, path) {
                // A module alone is a shorter way to write paths.
                Some(module) => drop(heads.insert(name, module)),
                None => origins.push(self.origin(&file.path, path, 0)),
            }
        }
        let brought_in = file.globs.iter().filter(|(passed_on, _)| !passed_on);
        origins.extend(brought_in.map(|(_, path)| self.module_of(&file.path, path)));
        for path in &file.paths {
            let head = path[0].as_str();
            let full = match heads.get(head) {
                Some(module) => {
                    [vec!["crate".to_owned()], module.clone(), path[1..].to_vec()].concat()
                }
                None => path.clone(),
            };
            if full.len() > 1 || file.exports.contains_key(head) {
                origins.push(self.origin(&file.path, &full, 0));
            }
        }
        origins
            .into_iter()
            .flatten()
            .filter(|origin| !origin.is_empty())
            .collect()
    }

    /// `path`, as written in the module `at`, from the crate's root; nothing where it leads out of the crate.
    fn absolute(&self, at: &Names, path: &[String]) -> Option<Names> {
        match path[0].as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([at.clone(), path[1..].to_vec()].concat()),
            "super" => {
                let above = &at[..at.len() - 1].to_vec();
                match path.get(1).map(String::as_str) {
                    Some("super") => self.absolute(above, &path[1..]),
                    _ => Some([above.clone(), path[1..].to_vec()].concat()),
                }
            }
            head => {
                let child = [at.clone(), vec![head.to_owned()]].concat();
                let is_known =
                    self.files.contains_key(&child) || self.files[at].exports.contains_key(head);
                is_known.then(|| [at.clone(), path.to_vec()].concat())
            }
        }
    }

    /// The module that a path names, if it names one.
    fn module_of(&self, at: &Names, path: &[String]) -> Option<Names> {
        self.absolute(at, path)
            .filter(|path| self.files.contains_key(path))
    }

    /// The module whose file declares what a path names, seen through `pub use`.
    fn origin(&self, at: &Names, path: &[String], depth: usize) -> Option<Names> {
        assert!(depth < 20, "{path:?} passes itself on");
        let path = self.absolute(at, path)?;
        let mut length = 0;
        while length < path.len() && self.files.contains_key(&path[..length + 1]) {
            length += 1;
        }
        let module = path[..length].to_vec();
        let Some(item) = path.get(length) else {
            return Some(module);
        };
        let file = &self.files[&module];
        if module.is_empty()
            && let Some(origin) = self.macros.get(item)
        {
            return Some(origin.clone());
        }
        if let Some(target) = file.exports.get(item) {
            let longer = [target.clone(), path[length + 1..].to_vec()].concat();
            return self.origin(&module, &longer, depth + 1);
        }
        if !file.items.contains(item) {
            for (_, target) in file.globs.iter().filter(|(passed_on, _)| *passed_on) {
                let target = self.module_of(&module, target)?;
                if self.files[&target].items.contains(item) {
                    return Some(target);
                }
            }
        }
        Some(module)
    }

    /// The modules at the crate's root.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.files
            .keys()
            .filter(|path| path.len() == 1)
            .map(|path| path[0].as_str())
    }

    /// Who takes names from whom.
    pub fn imports(&self) -> impl Iterator<Item = Import<'_>> {
        self.edges.iter().map(|(from, to)| Import {
            from: &self.files[from].name,
            from_module: &self.files[from].module,
            to: &self.files[to].name,
            to_module: &self.files[to].module,
        })
    }

    /// The files that name an outside crate.
    pub fn files_naming<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a SourceFile> {
        let names = move |file: &&SourceFile| {
            file.imports.iter().any(|(_, path)| path[0] == name)
                || file
                    .paths
                    .iter()
                    .any(|path| path.len() > 1 && path[0] == name)
        };
        self.files.values().filter(names)
    }

    /// The files of a module that declare an item called `item`.
    pub fn files_defining<'a>(
        &'a self,
        item: &'a str,
        module: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        let defines = move |file: &&SourceFile| file.module == module && file.items.contains(item);
        self.files
            .values()
            .filter(defines)
            .map(|file| file.name.as_str())
    }

    /// The names of structs, enums, traits and type aliases, with the file that declares each.
    pub fn types(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.values().flat_map(|file| {
            file.types
                .iter()
                .map(|name| (name.as_str(), file.name.as_str()))
        })
    }
}

/// What is gathered while one file is walked.
struct Reading {
    file: SourceFile,
    children: Vec<String>,
    /// Names that a macro is called with.
    listed: Vec<String>,
    macros: Vec<String>,
}

impl Reading {
    fn new(name: String, path: Names) -> Reading {
        let module = path.first().cloned().unwrap_or_default();
        let file = SourceFile {
            name,
            module,
            path,
            imports: Vec::new(),
            exports: BTreeMap::new(),
            globs: Vec::new(),
            paths: BTreeSet::new(),
            items: BTreeSet::new(),
            types: Vec::new(),
        };
        Reading {
            file,
            children: Vec::new(),
            listed: Vec::new(),
            macros: Vec::new(),
        }
    }

    fn declare(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Static(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Struct(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Mod(item) if item.content.is_none() => {
                self.children.push(item.ident.to_string());
                return;
            }
            Item::Macro(item) => {
                self.macros
                    .extend(item.ident.as_ref().map(ToString::to_string));
                // A list of names declares modules where there are files of these names.
                let list = Punctuated::<syn::Ident, syn::Token![,]>::parse_terminated;
                let names = item.mac.parse_body_with(list).unwrap_or_default();
                self.listed.extend(names.iter().map(ToString::to_string));
                return;
            }
            _ => return,
        };
        let name = name.to_string();
        if matches!(
            item,
            Item::Struct(_) | Item::Enum(_) | Item::Trait(_) | Item::Type(_)
        ) {
            self.file.types.push(name.clone());
        }
        self.file.items.insert(name);
    }

    fn leaf(&mut self, path: Names, name: String, passed_on: bool) {
        if passed_on {
            self.file.exports.insert(name, path);
        } else {
            self.file.imports.push((name, path));
        }
    }

    fn use_tree(&mut self, before: &[String], tree: &UseTree, passed_on: bool) {
        let longer = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => {
                self.use_tree(&longer(path.ident.to_string()), &path.tree, passed_on)
            }
            UseTree::Name(name) if name.ident == "self" => {
                let name = before[before.len() - 1].clone();
                self.leaf(before.to_vec(), name, passed_on);
            }
            UseTree::Name(name) => self.leaf(
                longer(name.ident.to_string()),
                name.ident.to_string(),
                passed_on,
            ),
            UseTree::Rename(rename) => {
                self.leaf(
                    longer(rename.ident.to_string()),
                    rename.rename.to_string(),
                    passed_on,
                );
            }
            UseTree::Glob(_) => self.file.globs.push((passed_on, before.to_vec())),
            UseTree::Group(group) => group
                .items
                .iter()
                .for_each(|item| self.use_tree(before, item, passed_on)),
        }
    }
}

fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute
                    .parse_args::<syn::Path>()
                    .is_ok_and(|path| path.is_ident("test"))
    })
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        _ => &[],
    }
}

impl Visit<'_> for Reading {
    fn visit_item(&mut self, item: &Item) {
        if is_of_tests(attributes_of(item)) {
            return;
        }
        self.declare(item);
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, function: &syn::ImplItemFn) {
        if !is_of_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        let passed_on = !matches!(item.vis, Visibility::Inherited);
        self.use_tree(&[], &item.tree, passed_on);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let names: Names = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        self.file.paths.insert(names);
        visit::visit_path(self, path);
    }

    /// What a macro is given is no syntax yet: names joined by `::` are paths all the same.
    fn visit_macro(&mut self, called: &syn::Macro) {
        let mut path: Names = Vec::new();
        let text = called
            .tokens
            .to_string()
            .replace(":: ", "::")
            .replace(" ::", "::");
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let names: Names = word
                .split("::")
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect();
            if word.contains("::") || self.file.exports.contains_key(word) {
                path = names;
            }
            if !path.is_empty() {
                self.file.paths.insert(std::mem::take(&mut path));
            }
        }
        visit::visit_macro(self, called);
    }

    fn visit_item_macro(&mut self, item: &syn::ItemMacro) {
        // The body of a `macro_rules!` is used where the macro is called.
        if !item.mac.path.is_ident("macro_rules") {
            visit::visit_item_macro(self, item);
        }
    }
}
