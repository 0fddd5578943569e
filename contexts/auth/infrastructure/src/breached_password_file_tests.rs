use super::{BLOCK, BreachedFileError, BreachedPasswordFile, ESTIMATES, SAMPLES, Sha1, WARN_EVERY, Warnings, hash};
use auth_domain::BreachedPasswords as _;
use kernel::Secret;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The SHA-1 of `correct horse battery staple` and of `password`.
const HORSE: &str = "ABF7AAD6438836DBE526AA231ABDE2D0EEF74D42";
const PASSWORD: &str = "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8";

/// A file with this content. The folder is deleted with the value.
fn file(content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("breached.txt");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn open(content: impl AsRef<[u8]>) -> Result<BreachedPasswordFile, BreachedFileError> {
    let (_folder, path) = file(content);
    BreachedPasswordFile::open(&path)
}

/// A hash that depends on a number.
fn made_of(number: u32) -> Sha1 {
    Sha256::digest(number.to_be_bytes())[..20].try_into().unwrap()
}

fn hex(hash: &Sha1) -> String {
    hash.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Two clusters of as many hashes, which differ in their last bytes only.
fn clusters(size: u32) -> BTreeSet<Sha1> {
    let hash = |start: u8, number: u32| {
        let mut hash = [start; 20];
        hash[16..].copy_from_slice(&number.to_be_bytes());
        hash
    };
    (0..size).flat_map(|number| [hash(3, number), hash(250, number)]).collect()
}

/// The text of a file, with counts of one to twenty digits.
fn text(hashes: &BTreeSet<Sha1>, line_break: &str) -> String {
    let line = |(at, hash): (usize, &Sha1)| format!("{}:{}{line_break}", hex(hash), "7".repeat(at % 20 + 1));
    hashes.iter().enumerate().map(line).collect()
}

/// The hash before or after this one in the order of all hashes.
fn neighbour(hash: &Sha1, is_next: bool) -> Sha1 {
    let mut hash = *hash;
    for byte in hash.iter_mut().rev() {
        let (moved, overflows) = if is_next { byte.overflowing_add(1) } else { byte.overflowing_sub(1) };
        *byte = moved;
        if !overflows {
            break;
        }
    }
    hash
}

/// Compares the search with a set: about `sample` of its hashes with the first and the last, those right before and
/// after each, both ends of all hashes, and others.
fn agrees(hashes: &BTreeSet<Sha1>, content: &str, sample: usize) {
    let found = open(content).unwrap();
    let some = hashes.iter().step_by(hashes.len().div_ceil(sample)).chain(hashes.last());
    let around = some.flat_map(|hash| [*hash, neighbour(hash, false), neighbour(hash, true)]);
    let others = (1_000_000..1_000_100).map(made_of).chain([[0; 20], [255; 20]]);
    for wanted in around.chain(others) {
        assert_eq!(found.find(&wanted).unwrap().0, hashes.contains(&wanted), "{} of {}", hex(&wanted), hashes.len());
    }
}

#[test]
fn a_search_finds_exactly_the_hashes_of_the_file() {
    for lines in [1, 2, 3, 10, 100, 5_000] {
        let hashes = (0..lines).map(made_of).collect();
        let (lf, crlf) = (text(&hashes, "\n"), text(&hashes, "\r\n"));
        agrees(&hashes, &lf, 2_000);
        for content in [lf.trim_end(), &crlf, crlf.trim_end(), &lf.to_lowercase()] {
            agrees(&hashes, content, 100);
        }
    }
}

#[test]
fn hashes_that_are_not_evenly_distributed_are_found() {
    let hashes = clusters(1_000).into_iter().chain([made_of(1)]).collect();
    agrees(&hashes, &text(&hashes, "\n"), 500);
}

#[test]
fn a_search_takes_a_handful_of_reads() {
    let most = |hashes: &BTreeSet<Sha1>, wanted: &[Sha1]| {
        let found = open(text(hashes, "\n")).unwrap();
        wanted.iter().map(|wanted| found.find(wanted).unwrap().1).max().unwrap()
    };
    let all: Vec<_> = (0..30_000).map(made_of).collect();
    let reads = most(&all.iter().copied().collect(), &all[..1_000]);
    assert!((2..=4).contains(&reads), "{reads}");
    // As many as a binary search of 512 blocks, and the estimates before it.
    let clusters = clusters(16_000);
    let reads = most(&clusters, &clusters.iter().step_by(100).copied().collect::<Vec<_>>());
    assert!(reads <= ESTIMATES + 10, "{reads}");
}

#[test]
fn a_password_is_found_by_its_sha_1_of_the_text_as_it_is() {
    let found = open(format!("{PASSWORD}:10434004\n{HORSE}:3\n")).unwrap();
    for (password, is_known) in
        [("correct horse battery staple", true), ("password", true), ("Password", false), ("password ", false)]
    {
        assert_eq!(found.contains(&Secret::new(password.to_owned())), is_known, "{password}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_found_on_a_thread_of_the_runtime() {
    let found = open(format!("{HORSE}:3")).unwrap();
    assert!(found.contains(&Secret::new("correct horse battery staple".to_owned())));
}

#[test]
fn a_line_of_another_form_is_refused() {
    assert!(hash(format!("{HORSE}:3").as_bytes()).is_some());
    for line in [
        "",
        "\n",
        &HORSE[..39],
        HORSE,
        &format!("{HORSE}:"),
        &format!("{HORSE}:x"),
        &format!("{HORSE}: 3"),
        &format!("{HORSE};3"),
        &format!("{HORSE}0:3"),
        &format!("{HORSE}:{}", "1".repeat(21)),
        &format!("{}g:3", &HORSE[..39]),
        &format!("\u{feff}{HORSE}:3"),
        "8846F7EAEE8FB117AD06BDD830B7586C:3",
    ] {
        assert_eq!(hash(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn a_file_that_is_no_ordered_list_of_hashes_is_refused() {
    let (folder, path) = file("");
    assert!(matches!(BreachedPasswordFile::open(&path), Err(BreachedFileError::Empty)));
    assert!(matches!(BreachedPasswordFile::open(folder.path()), Err(BreachedFileError::NotAFile)));
    assert!(matches!(
        BreachedPasswordFile::open(&folder.path().join("missing")),
        Err(BreachedFileError::Unreadable(_))
    ));
    for content in ["\n", "password\n", &format!("{HORSE}:3\n\n"), &"0".repeat(3 * usize::from(BLOCK))] {
        assert!(matches!(open(content), Err(BreachedFileError::Malformed(_))), "{content}");
    }
    assert!(matches!(open(format!("{HORSE}:3\n{PASSWORD}:1\n")), Err(BreachedFileError::Unordered(0))));
}

#[test]
fn the_ends_of_a_large_file_and_places_between_them_are_checked() {
    // With a block for each sample, most of the file is not read.
    let hashes: BTreeSet<_> = (0..60_000).map(made_of).collect();
    let good = text(&hashes, "\n");
    assert!(good.len() as u64 > 2 * SAMPLES * u64::from(BLOCK));
    assert!(open(&good).is_ok());
    let (low, high) = good.split_at(good.rfind("\n8").unwrap() + 1);
    assert!(matches!(open(format!("{high}{low}")), Err(BreachedFileError::Unordered(_))), "the halves are swapped");
    for bad in [format!("# a title\n{good}"), format!("{good}the end\n"), good.replace(':', ",")] {
        assert!(matches!(open(bad), Err(BreachedFileError::Malformed(_))));
    }
}

#[test]
fn a_password_counts_as_unknown_while_the_file_cannot_be_read() {
    let (_folder, path) = file(format!("{HORSE}:3\n"));
    let found = BreachedPasswordFile::open(&path).unwrap();
    let password = Secret::new("correct horse battery staple".to_owned());
    assert!(found.contains(&password));
    fs::write(&path, "").unwrap();
    assert!(!found.contains(&password));
    assert!(!found.warnings.is_due(Instant::now()), "a warning has been logged");
}

#[test]
fn a_file_that_is_replaced_is_used_until_the_next_start() {
    let (folder, path) = file(format!("{HORSE}:3\n"));
    let found = BreachedPasswordFile::open(&path).unwrap();
    let other = folder.path().join("other");
    fs::write(&other, format!("{PASSWORD}:3\n")).unwrap();
    fs::rename(other, &path).unwrap();
    assert!(found.contains(&Secret::new("correct horse battery staple".to_owned())));
}

#[test]
fn a_warning_is_due_once_a_minute() {
    let (warnings, now) = (Warnings::default(), Instant::now());
    let almost = now + WARN_EVERY.checked_sub(Duration::from_millis(1)).unwrap();
    let due = [now, now, almost, now + WARN_EVERY, now + WARN_EVERY].map(|at| warnings.is_due(at));
    assert_eq!(due, [true, false, false, true, false]);
}
