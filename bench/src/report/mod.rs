//! Results: what each contestant reached in each round, and the ratios between contestants.

mod document;
mod picture;

pub(crate) use document::write_document;

use crate::comparisons::Comparison;
use crate::shared::machine::Machine;
use crate::shared::setting::Setting;
use crate::shared::statistics::{greatest, least, median};
use crate::shared::wrk::Answers;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// The results of one comparison.
#[derive(Serialize, Deserialize)]
pub(crate) struct Results {
    name: String,
    title: String,
    explanation: String,
    /// The measure that the picture shows.
    pictured: String,
    rounds: usize,
    seconds: u64,
    machine: Machine,
    contestants: Vec<Contestant>,
    versus: Vec<Versus>,
    notes: Vec<String>,
    /// Long texts, such as query plans, by their headings.
    texts: Vec<(String, String)>,
}

/// Everything that one contestant reached.
#[derive(Serialize, Deserialize)]
struct Contestant {
    name: String,
    measures: Vec<Measure>,
}

/// One kind of figure, with a value per round. Its unit is part of its name.
#[derive(Serialize, Deserialize)]
struct Measure {
    name: String,
    values: Vec<f64>,
}

/// How a contestant compares in one measure with another one, or with a bound, by round.
#[derive(Serialize, Deserialize)]
struct Versus {
    measure: String,
    of: String,
    /// Without it, the values are those of the measure.
    to: Option<String>,
    values: Vec<f64>,
    wanted: Option<Wanted>,
}

/// The target of a ratio or of a value.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Wanted {
    fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {bound}"),
            Self::AtMost(bound) => format!("≤ {bound}"),
        }
    }
}

impl Results {
    pub(crate) fn new(comparison: &Comparison, setting: &Setting, machine: &Machine) -> Self {
        Self {
            name: comparison.name.to_owned(),
            title: comparison.title.to_owned(),
            explanation: comparison.explanation.to_owned(),
            pictured: comparison.pictured.to_owned(),
            rounds: setting.rounds,
            seconds: setting.seconds,
            machine: machine.clone(),
            contestants: Vec::new(),
            versus: Vec::new(),
            notes: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// Adds the value of one round.
    pub(crate) fn add(&mut self, contestant: &str, measure: &str, value: f64) {
        let contestants = &mut self.contestants;
        let index = contestants.iter().position(|it| it.name == contestant).unwrap_or(contestants.len());
        if index == contestants.len() {
            contestants.push(Contestant { name: contestant.to_owned(), measures: Vec::new() });
        }
        let Some(contestant) = contestants.get_mut(index) else { return };
        match contestant.measures.iter_mut().find(|it| it.name == measure) {
            Some(measure) => measure.values.push(value),
            None => contestant.measures.push(Measure { name: measure.to_owned(), values: vec![value] }),
        }
    }

    /// Adds what a load generator has measured in one round.
    pub(crate) fn add_answers(&mut self, contestant: &str, answers: &Answers) {
        self.add(contestant, "requests/s", answers.per_second);
        self.add(contestant, "p50 ms", answers.p50);
        self.add(contestant, "p99 ms", answers.p99);
        let others: u64 = answers.others.values().sum();
        self.add(contestant, "other answers", u32::try_from(others).map_or(f64::INFINITY, f64::from));
        if others > 0 {
            self.note(format!("{contestant} gave other answers in one round: {:?}.", answers.others));
        }
    }

    /// Compares two contestants in a measure, round by round. A contestant that has not measured it is left out.
    pub(crate) fn ratio(&mut self, measure: &str, of: &str, to: &str, wanted: Option<Wanted>) {
        let (Some(above), Some(below)) = (self.values(of, measure), self.values(to, measure)) else { return };
        let values = above.iter().zip(below).map(|(above, below)| above / below).collect();
        let [measure, of, to] = [measure, of, to].map(str::to_owned);
        self.versus.push(Versus { measure, of, to: Some(to), values, wanted });
    }

    /// Compares a measure of one contestant with a bound.
    pub(crate) fn bound(&mut self, measure: &str, of: &str, wanted: Wanted) {
        let Some(values) = self.values(of, measure).map(<[_]>::to_vec) else { return };
        let [measure, of] = [measure, of].map(str::to_owned);
        self.versus.push(Versus { measure, of, to: None, values, wanted: Some(wanted) });
    }

    /// Compares how much larger a measure of one contestant is with a bound.
    pub(crate) fn difference(&mut self, measure: &str, of: &str, from: &str, wanted: Wanted) {
        let (Some(above), Some(below)) = (self.values(of, measure), self.values(from, measure)) else { return };
        let values = above.iter().zip(below).map(|(above, below)| above - below).collect();
        let [measure, of] = [measure.to_owned(), format!("{of} − {from}")];
        self.versus.push(Versus { measure, of, to: None, values, wanted: Some(wanted) });
    }

    /// Adds a sentence.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Adds a long text.
    pub(crate) fn text(&mut self, heading: impl Into<String>, text: impl Into<String>) {
        self.texts.push((heading.into(), text.into()));
    }

    fn values(&self, contestant: &str, measure: &str) -> Option<&[f64]> {
        let contestant = self.contestants.iter().find(|it| it.name == contestant)?;
        Some(&contestant.measures.iter().find(|it| it.name == measure)?.values)
    }

    /// The names of all measures, in the order in which they were added first.
    fn measures(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for measure in self.contestants.iter().flat_map(|contestant| &contestant.measures) {
            if !names.contains(&measure.name.as_str()) {
                names.push(&measure.name);
            }
        }
        names
    }

    /// The tables in Markdown: medians with the lowest and the highest value, and ratios.
    fn tables(&self) -> String {
        let measures = self.measures();
        let mut lines =
            vec![format!("| | {} |", measures.join(" | ")), format!("|---|{}", "---|".repeat(measures.len()))];
        for contestant in &self.contestants {
            let cells = measures.iter().map(|measure| {
                let values = self.values(&contestant.name, measure).unwrap_or_default();
                if values.is_empty() { "–".to_owned() } else { cell(values) }
            });
            lines.push(format!("| {} | {} |", contestant.name, cells.collect::<Vec<_>>().join(" | ")));
        }
        if !self.versus.is_empty() {
            lines.push(String::new());
            lines.push("| ratio or value | median (lowest to highest) | wanted | |".to_owned());
            lines.push("|---|---|---|---|".to_owned());
        }
        for Versus { measure, of, to, values, wanted } in &self.versus {
            let reached = wanted.map_or("", |it| if it.is_reached(median(values)) { "reached" } else { "**missed**" });
            let wanted = wanted.map_or_else(String::new, Wanted::text);
            let to = to.as_ref().map_or_else(String::new, |to| format!(" ÷ {to}"));
            lines.push(format!("| {measure}: {of}{to} | {} | {wanted} | {reached} |", cell(values)));
        }
        lines.join("\n")
    }

    pub(crate) fn print(&self) {
        println!("\n{}", self.tables());
        for note in &self.notes {
            println!("{note}");
        }
    }

    /// Writes the results as JSON, and the picture.
    pub(crate) fn write(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join(format!("{}.json", self.name)), serde_json::to_string_pretty(self)? + "\n")?;
        let bars = self
            .contestants
            .iter()
            .filter_map(|contestant| Some((contestant.name.as_str(), self.values(&contestant.name, &self.pictured)?)));
        fs::write(
            directory.join(format!("{}.svg", self.name)),
            picture::bars(&self.pictured, &bars.collect::<Vec<_>>()),
        )?;
        Ok(())
    }
}

/// A median with its spread.
fn cell(values: &[f64]) -> String {
    let [middle, low, high] = [median(values), least(values), greatest(values)].map(digits);
    if low == high { middle } else { format!("{middle} ({low} to {high})") }
}

/// A number with as many digits as a reader needs.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => grouped(value),
        size if size >= 10.0 || value.fract() == 0.0 => format!("{value:.1}").trim_end_matches(".0").to_owned(),
        _ => format!("{value:.2}"),
    }
}

/// A whole number with commas between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let length = digits.len();
    let with_commas = digits.chars().enumerate().flat_map(|(index, digit)| {
        let comma = index > 0 && (length - index).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    });
    with_commas.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_what_a_reader_needs() {
        assert_eq!([0.912, 5.0, 12.34, 190.4, 50_812.3].map(digits), ["0.91", "5", "12.3", "190", "50,812"]);
        assert_eq!(cell(&[3.0, 1.0, 2.0]), "2 (1 to 3)");
        assert_eq!(cell(&[7.0]), "7");
    }

    #[test]
    fn a_target_is_reached_on_its_side_of_the_bound() {
        assert!(Wanted::AtLeast(2.3).is_reached(2.4) && !Wanted::AtLeast(2.3).is_reached(2.2));
        assert!(Wanted::AtMost(0.95).is_reached(0.9) && !Wanted::AtMost(0.95).is_reached(1.0));
    }
}
