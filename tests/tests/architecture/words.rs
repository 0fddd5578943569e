//! Words that only a few files may use.

use crate::source::{files, name, tokens};
use proc_macro2::TokenTree;
use std::collections::BTreeSet;

/// The files of the workspace that use a word outside of comments and strings.
fn files_with(word: &str) -> BTreeSet<String> {
    let files = files("", "rs");
    assert!(files.len() > 100, "{} files are not all of them", files.len());
    let uses = |token: &TokenTree| matches!(token, TokenTree::Ident(it) if it == word);
    files.iter().filter(|file| tokens(file).iter().any(uses)).map(|file| name(file)).collect()
}

#[test]
fn sql_is_concatenated_only_from_constants() {
    let product: Vec<_> = files_with("AssertSqlSafe").into_iter().filter(|file| !file.contains("/tests/")).collect();
    let allowed = [
        // The name of the migrations' table.
        "platform/persistence/src/migrate.rs",
        // A constant number in a pragma, which takes no parameters.
        "platform/persistence/src/open/sqlite.rs",
        // Its methods take only `&'static str`.
        "platform/persistence/src/query_builder.rs",
        // The names of test databases, generated in this file.
        "platform/persistence/src/testing.rs",
    ];
    assert_eq!(product, allowed, "values are bound, never pasted");
}
