//! Runs every file of the corpus, and many changed inputs, through their targets.
#![expect(clippy::unwrap_used, reason = "a step that does not work fails the test")]

use fuzz::{TARGETS, Target};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The number of changed inputs for each target.
const CASES: u32 = 5_000;
/// Texts that often break readers, inserted at random places.
const NASTY: [&str; 16] = [
    "\0",
    "\u{212a}",
    "\u{ff0e}",
    "\u{200d}",
    "\u{202e}",
    "ß",
    "xn--",
    "@",
    ".",
    "$",
    "=",
    "\"",
    "\\u0000",
    "{",
    "+1",
    "-9223372036854775809",
];

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(corpus().join(target)).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Runs an input, and prints it if it fails.
fn run(name: &str, target: Target, input: &[u8]) {
    let held = std::panic::catch_unwind(|| target(input)).is_ok();
    assert!(held, "{name}: put this into its corpus: {:?}", String::from_utf8_lossy(input));
}

/// One change of an input.
#[derive(Debug, Clone)]
enum Change {
    Flip(usize, u8),
    Insert(usize, &'static str),
    Remove(usize, usize),
    Repeat(usize, usize, usize),
    /// Replaces the rest by that of another seed.
    Splice(usize, usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<usize>;
    prop_oneof![
        (at(), 1..=255_u8).prop_map(|(place, bits)| Change::Flip(place, bits)),
        (at(), prop::sample::select(NASTY.to_vec())).prop_map(|(place, text)| Change::Insert(place, text)),
        (at(), 1..9_usize).prop_map(|(place, length)| Change::Remove(place, length)),
        (at(), 1..65_usize, 1..65_usize).prop_map(|(place, length, times)| Change::Repeat(place, length, times)),
        (at(), at(), at()).prop_map(|(place, seed, from)| Change::Splice(place, seed, from)),
    ]
}

fn changed(input: &[u8], change: &Change, seeds: &[Vec<u8>]) -> Vec<u8> {
    let place = |place: usize, within: &[u8]| place % (within.len() + 1);
    let mut input = input.to_vec();
    match *change {
        Change::Flip(at, bits) => {
            let at = place(at, &input);
            input.get_mut(at).into_iter().for_each(|byte| *byte ^= bits);
        }
        Change::Insert(at, text) => {
            let at = place(at, &input);
            input.splice(at..at, text.bytes());
        }
        Change::Remove(at, length) => {
            let at = place(at, &input);
            let end = input.len().min(at + length);
            input.drain(at..end);
        }
        Change::Repeat(at, length, times) => {
            let at = place(at, &input);
            let part = input[at..input.len().min(at + length)].repeat(times);
            input.splice(at..at, part);
        }
        Change::Splice(at, seed, from) => {
            let other = &seeds[seed % seeds.len()];
            input.truncate(place(at, &input));
            input.extend_from_slice(&other[place(from, other)..]);
        }
    }
    input
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let folders = std::fs::read_dir(corpus()).unwrap();
    let folders: BTreeSet<_> = folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(folders, TARGETS.map(|(name, _)| name.to_owned()).into());
    for (name, _) in TARGETS {
        assert!(seeds(name).len() >= 10, "{name}: too few seeds");
    }
}

#[test]
fn every_seed_of_the_corpus_keeps_the_properties() {
    for (name, target) in TARGETS {
        seeds(name).iter().for_each(|seed| run(name, target, seed));
    }
}

#[test]
fn changed_seeds_keep_the_properties() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        // Use the same cases in every run, so that a failure can be reproduced.
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let inputs = (0..seeds.len(), prop::collection::vec(change(), 1..6)).prop_map(|(seed, changes)| {
            changes.iter().fold(seeds[seed].clone(), |input, change| changed(&input, change, &seeds))
        });
        runner
            .run(&inputs, |input| {
                target(&input);
                Ok(())
            })
            .unwrap_or_else(|why| panic!("{name}: put the smallest input into its corpus: {why}"));
    }
}

#[test]
fn the_corpus_has_accepted_and_refused_seeds() {
    let good = |name: &str, reads: fn(&str) -> bool| {
        let seeds = seeds(name);
        let good = seeds.iter().filter(|seed| std::str::from_utf8(seed).is_ok_and(reads)).count();
        assert!(good >= 3 && good < seeds.len(), "{name}: {good} of {} are read", seeds.len());
    };
    good("email", |text| identity::Email::parse(text).is_ok());
    good("password_hash", |text| auth_domain::PasswordHash::parse(text).is_ok());
    good("cursor", |text| web::Cursor::parse(text).is_ok());
    good("message", |text| serde_json::from_str::<contracts::UserRegistered>(text).is_ok());
    assert_eq!(fuzz::genuine().split('.').count(), 3);
    assert!(seeds("access_token").iter().any(|seed| seed == b"{head}.{claims}.{signature}"));
}
