//! Writes `docs/PERFORMANCE.md` from a template and the results.

use super::Results;
use crate::comparisons::COMPARISONS;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;

/// Where the results go in the template.
const PLACE: &str = "<!-- results -->";
const HEAD: &str = "<!-- `cargo xtask bench` writes this file from bench/performance.md and bench/results. -->\n";

/// Puts all results of the directory `results`, also those of earlier runs, into the template.
pub(crate) fn write_document(bench: &Path, document: &Path) -> Result<()> {
    let template = fs::read_to_string(bench.join("performance.md"))?;
    let mut sections = Vec::new();
    for comparison in COMPARISONS {
        let file = bench.join("results").join(format!("{}.json", comparison.name));
        if let Ok(json) = fs::read_to_string(&file) {
            let results = serde_json::from_str(&json).with_context(|| format!("{} cannot be read", file.display()))?;
            sections.push(section(&results));
        }
    }
    fs::write(document, format!("{HEAD}{}", template.replace(PLACE, &sections.join("\n"))))?;
    println!("\nwrote {}", document.display());
    Ok(())
}

fn section(results: &Results) -> String {
    let Results { name, title, explanation, rounds, seconds, machine, .. } = results;
    let tables = results.tables();
    let notes: String = results.notes.iter().map(|note| format!("- {note}\n")).collect();
    let texts = results
        .texts
        .iter()
        .map(|(heading, text)| format!("<details><summary>{heading}</summary>\n\n```\n{text}\n```\n</details>\n"));
    let texts: Vec<_> = texts.collect();
    format!(
        "### {title}\n{explanation}\n\n{tables}\n\n{notes}\n![{}](../bench/results/{name}.svg)\n\n{}\n\
         <sub>`cargo xtask bench --only {name}`; {rounds} rounds of {seconds} s; {machine}.</sub>\n",
        results.pictured,
        texts.join("\n"),
    )
}
