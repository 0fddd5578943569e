//! Every code that a client may receive is explained, and no other code is.

use crate::source::{files, name, tokens};
use proc_macro2::TokenTree;
use roster::problems::PROBLEMS;
use std::collections::BTreeSet;

/// The text of a literal that looks like a code: lower-case words joined by underscores.
fn code(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else { return None };
    let source = literal.to_string();
    let text = source.strip_prefix('"')?.strip_suffix('"')?;
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    text.split('_').all(is_word).then(|| text.to_owned())
}

fn is(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(it) if it == word)
}

/// The codes in the source of a program: arguments of problems, violations and attempt errors, results of `code`
/// functions, and the rejections that a command lists.
fn codes(tokens: &[TokenTree]) -> BTreeSet<String> {
    let end = tokens.windows(2).position(|two| is(&two[0], "cfg") && is(&two[1], "test"));
    let tokens = &tokens[..end.unwrap_or(tokens.len())];
    let mut found = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        let after = &tokens[at + 1..];
        let until = |word: &str| &after[..after.iter().position(|it| is(it, word)).unwrap_or(after.len())];
        let first_literal = |within: usize| {
            let near = after.iter().take(within);
            near.into_iter().find(|it| matches!(it, TokenTree::Literal(_))).and_then(code)
        };
        if ["Problem", "AttemptError"].iter().any(|it| is(token, it)) && after.get(2).is_some_and(|it| is(it, "new")) {
            found.extend(first_literal(10));
        }
        if is(token, "Violation") && after.get(2).is_some_and(|it| is(it, "new")) {
            found.extend(after.iter().take(8).filter_map(code).next());
        }
        if ["unauthorized", "bad", "refused", "malformed"].iter().any(|it| is(token, it)) {
            found.extend(after.first().and_then(code));
        }
        // In `refuse(field, code, message)` the first argument is a field.
        if is(token, "refuse") && after.first().is_some_and(|it| matches!(it, TokenTree::Ident(_))) {
            found.extend(after.iter().take(4).filter_map(code).next());
        }
        if is(token, "fn") && after.first().is_some_and(|it| is(it, "code")) {
            let end = ["fn", "impl", "pub", "derive", "utoipa"].map(|word| until(word).len()).into_iter().min();
            found.extend(after[..end.unwrap_or_default()].iter().skip(1).filter_map(code));
        }
        if is(token, "REJECTIONS") && after.iter().take(12).any(|it| is(it, "static")) {
            let constants = until("const");
            found.extend(constants.iter().take(30).filter_map(code));
        }
    }
    found
}

#[test]
fn every_code_is_explained_and_every_explanation_has_a_code() {
    let mut used = BTreeSet::new();
    for folder in ["platform/web/src", "platform/ledger/src", "platform/kernel/src", "contexts"] {
        for file in files(folder, "rs") {
            let name = name(&file);
            // Codes of application crates go to the audit log only.
            let is_answered = !name.contains("/application/") && !name.contains("tests") && !name.contains("contracts");
            if is_answered {
                used.extend(codes(&tokens(&file)).into_iter().map(|code| (code, name.clone())));
            }
        }
    }
    let explained: BTreeSet<_> = PROBLEMS.iter().map(|kind| kind.code.to_owned()).collect();
    let missing: Vec<_> = used.iter().filter(|(code, _)| !explained.contains(code)).collect();
    assert!(missing.is_empty(), "not in roster::problems::PROBLEMS: {missing:?}");
    // The HTTP edge uses these for statuses that axum sets itself, and for malformed JSON.
    let texts: BTreeSet<_> = ["platform/web/src", "platform/ledger/src", "contexts"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .flat_map(|file| tokens(&file).iter().filter_map(code).collect::<Vec<_>>())
        .collect();
    let unused: Vec<_> = explained.difference(&texts).filter(|code| used.iter().all(|(it, _)| it != *code)).collect();
    assert!(unused.is_empty(), "explained, and nowhere used: {unused:?}");
}

#[test]
fn codes_are_found_where_they_are_made() {
    let rust = r#"
        fn code(&self) -> &'static str { match self { Self::A => "of_a_reason", Self::B => "b" } }
        fn other() { Problem::new(StatusCode::GONE, "of_a_problem", "A title"); Violation::new("/x", "of_a_violation", m);
            fields.refuse("a_field", flaw.code, m); self.refuse(name, "of_a_refusal", m); bad("of_a_helper", "x");
            Problem::new(status, code, "A title"); let _ = "no_code"; }
        const REJECTIONS: &'static [(&'static str, &'static str)] = &[("of_a_command", "/field")];
        #[cfg(test)] mod tests { fn f() { Problem::new(s, "of_a_test", ""); } }
    "#;
    let found = codes(&crate::source::flat(rust).unwrap());
    let expected =
        ["b", "of_a_command", "of_a_helper", "of_a_problem", "of_a_reason", "of_a_refusal", "of_a_violation"];
    assert_eq!(found, expected.map(str::to_owned).into());
}
