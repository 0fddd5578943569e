//! Inserts lines into files that are there.

use anyhow::{Context as _, Result};

/// Inserts a line into a sorted list: after the last line of the list that is less, where a line of the list is one that
/// begins with `like`, after the line that contains `below`. An empty line ends the list.
pub(crate) fn into_list(text: &str, below: &str, like: &str, line: &str) -> Result<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let head = lines.iter().position(|it| it.contains(below)).with_context(|| format!("there is no `{below}`"))?;
    let first = lines.iter().skip(head + 1).position(|it| it.starts_with(like)).map(|at| head + 1 + at);
    let first = first.with_context(|| format!("there is no line like `{like}` below `{below}`"))?;
    let is_of_list = |it: &&&str| !it.is_empty() && (it.starts_with(like) || it.trim_start().starts_with("//"));
    let length = lines[first..].iter().take_while(is_of_list).count();
    let at = lines[first..first + length].iter().rposition(|it| it.starts_with(like) && *it < line);
    lines.insert(at.map_or(first, |at| first + at + 1), line);
    Ok(lines.join("\n") + "\n")
}

/// Imports a name from a crate or module. `rustfmt` then puts the imports in order.
pub(crate) fn import(text: &str, from: &str, name: &str) -> Result<String> {
    let start = format!("\nuse {from}::");
    let Some((head, rest)) = text.split_once(&start) else {
        return into_list(text, "//!", "use ", &format!("use {from}::{name};"));
    };
    let (names, tail) = rest.split_once(';').with_context(|| format!("`use {from}` has no end"))?;
    let listed = names.strip_prefix('{').and_then(|names| names.strip_suffix('}')).unwrap_or(names);
    let mut names: Vec<_> = listed.split(',').map(str::trim).filter(|listed| !listed.is_empty()).collect();
    if !names.contains(&name) {
        names.push(name);
    }
    Ok(format!("{head}{start}{{{}}};{tail}", names.join(", ")))
}

/// Inserts a text before the first place of another.
pub(crate) fn before(text: &str, place: &str, new: &str) -> Result<String> {
    let at = text.find(place).with_context(|| format!("there is no `{}`", place.trim()))?;
    let (head, tail) = text.split_at(at);
    Ok(format!("{head}{new}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::{before, import, into_list};

    #[test]
    fn a_line_is_inserted_where_the_list_stays_sorted() {
        let text = "[a]\nb = 1\n[list]\nb = 1\n# a comment\nd = 1\n\nc = 9\n";
        let inserted = |line| into_list(text, "[list]", "", line).unwrap();
        assert!(into_list(text, "[other]", "", "x").is_err());
        let text = "mod a;\nmod c;\n\nuse b;\n";
        let of = |line| into_list(&format!("//!\n{text}"), "//!", "mod ", line).unwrap();
        assert_eq!(of("mod b;"), "//!\nmod a;\nmod b;\nmod c;\n\nuse b;\n");
        assert_eq!(of("mod d;"), "//!\nmod a;\nmod c;\nmod d;\n\nuse b;\n");
        assert_eq!(of("mod _;"), "//!\nmod _;\nmod a;\nmod c;\n\nuse b;\n");
        assert_eq!(inserted("e = 1"), "[a]\nb = 1\n[list]\nb = 1\n# a comment\nd = 1\ne = 1\n\nc = 9\n");
        assert_eq!(before("ab", "b", "x").unwrap(), "axb");
        assert!(before("ab", "c", "x").is_err());
    }

    #[test]
    fn a_name_is_imported_once() {
        let text = "//! A.\n\nuse a::B;\nuse c::{\n    D, E,\n};\n";
        assert_eq!(import(text, "a", "B").unwrap(), "//! A.\n\nuse a::{B};\nuse c::{\n    D, E,\n};\n");
        assert_eq!(import(text, "a", "F").unwrap(), "//! A.\n\nuse a::{B, F};\nuse c::{\n    D, E,\n};\n");
        assert_eq!(import(text, "c", "F").unwrap(), "//! A.\n\nuse a::B;\nuse c::{D, E, F};\n");
        assert_eq!(import(text, "b", "G").unwrap(), "//! A.\n\nuse a::B;\nuse b::G;\nuse c::{\n    D, E,\n};\n");
    }
}
