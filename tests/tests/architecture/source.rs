//! Reads Rust source files for the tests of this crate.

use proc_macro2::{TokenStream, TokenTree};
use std::path::{Path, PathBuf};

/// The root folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The files with this extension below a folder of the workspace.
pub(crate) fn files(folder: impl AsRef<Path>, extension: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let hidden = path.file_name().and_then(|name| name.to_str()).is_none_or(|name| name.starts_with('.'));
            if path.is_dir() && !hidden && path != root().join("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The path of a file within the workspace.
pub(crate) fn name(file: &Path) -> String {
    file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

/// The tokens of a Rust file, without comments.
pub(crate) fn tokens(file: &Path) -> Vec<TokenTree> {
    let text = std::fs::read_to_string(file).unwrap();
    flat(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

pub(crate) fn flat(rust: &str) -> Result<Vec<TokenTree>, proc_macro2::LexError> {
    let mut found = Vec::new();
    descend(rust.parse()?, &mut found);
    Ok(found)
}

/// Collects tokens, also those inside groups, and skips `#[doc = "…"]`, which doc comments become.
fn descend(tokens: TokenStream, found: &mut Vec<TokenTree>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let is_doc = matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(it)) if it == "doc");
                if !is_doc {
                    descend(group.stream(), found);
                }
            }
            token => found.push(token),
        }
    }
}

/// The string literals in a Rust file.
pub(crate) fn texts(file: &Path) -> Vec<String> {
    tokens(file).iter().filter_map(text).collect()
}

/// The text of a string literal. A backslash at the end of a line joins it with the next; other escapes stay.
fn text(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else { return None };
    let source = literal.to_string();
    let (is_raw, start, end) = (source.starts_with('r'), source.find('"')?, source.rfind('"')?);
    let inner = source.get(start + 1..end)?;
    if is_raw {
        return Some(inner.to_owned());
    }
    let mut lines = inner.split("\\\n");
    let first = lines.next()?.to_owned();
    Some(lines.fold(first, |text, line| text + line.trim_start()))
}

#[test]
fn texts_are_found_and_comments_are_not() {
    let rust = r###"
        //! "no"
        /// "no"
        #[expect(dead_code, reason = "yes")]
        fn f() { let _ = ("one \
            two", r#"raw "x""#, b"bytes", 'c', 7); /* "no" */ }
    "###;
    let texts: Vec<_> = flat(rust).unwrap().iter().filter_map(text).collect();
    assert_eq!(texts, ["yes", "one two", "raw \"x\"", "bytes"]);
}
