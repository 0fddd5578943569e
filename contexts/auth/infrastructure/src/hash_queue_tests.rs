use super::{HashQueue, MAX_LANES, Overloaded, QueuedHash};
use crate::bcrypt::BcryptJob;
use crate::hash_job::HashJob;
use crate::throughput::ThroughputEstimate;
use auth_domain::PasswordHash;
use kernel::Secret;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use use_case::Unavailable;

/// At this pace a hash of cost 10 takes half a second of one thread.
const SLOW: ThroughputEstimate = ThroughputEstimate::new(500_000_000 / 1_024);
const UNITS: u64 = 1_024;

fn bcrypt(cost: u32) -> HashJob {
    let cost = cost.try_into().expect("a cost that bcrypt has");
    HashJob::Bcrypt(BcryptJob::new_hash(cost, &Secret::new("p".into())).expect("randomness").0)
}

fn stored(text: &str) -> HashJob {
    let hash = PasswordHash::parse(text).expect("a hash");
    HashJob::verifying(&hash, &Secret::new("Correct horse battery".into())).expect("well formed")
}

fn argon2id() -> HashJob {
    stored("$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$LKs7inkI/oKjk7aX707pJ0SWeVlmd8V/+h387oAmkCM")
}

/// Puts works in line, for somebody who listens as long as the answers are kept.
fn wait_in(line: &HashQueue, works: Vec<HashJob>) -> Vec<oneshot::Receiver<String>> {
    let (waiting, answers): (VecDeque<_>, Vec<_>) = works
        .into_iter()
        .map(|work| {
            let (answer, answered) = oneshot::channel();
            (QueuedHash { work, answer }, answered)
        })
        .unzip();
    line.lock().waiting = waiting;
    answers
}

/// The costs of the batch that comes next; 0 is argon2id.
fn next(line: &HashQueue) -> Option<Vec<u32>> {
    let batch = line.lock().take_batch()?;
    Some(batch.iter().map(|it| it.work.cost().map_or(0, bcrypt_lanes::Cost::log2)).collect())
}

#[test]
fn whoever_would_wait_longer_than_a_second_and_a_half_is_told_when_to_come_again() {
    let line = HashQueue::new(1, SLOW);
    let mut admitted: Vec<_> = (0..4).map(|_| line.admit(&[], UNITS).expect("room")).collect();
    let refused = line.admit(&[], UNITS).err();
    assert!(
        refused.is_some_and(|busy| busy.retry_after.abs_diff(Duration::from_millis(500)) < Duration::from_millis(1))
    );
    admitted.pop();
    assert!(line.admit(&[], UNITS).is_ok(), "who leaves makes room");
}

#[test]
fn where_a_batch_takes_long_fewer_may_wait_for_one() {
    let line = HashQueue::new(1, SLOW);
    for _ in 0..50 {
        line.lock().pace.learn(2, UNITS, Duration::from_secs(1));
    }
    // 1.5 s at 0.3 s each would be six.
    let admitted: Vec<_> = std::iter::from_fn(|| line.admit(&[], UNITS).ok()).take(10).collect();
    assert_eq!(admitted.len(), 2);
}

#[test]
fn work_counts_and_not_people() {
    let line = HashQueue::new(1, SLOW);
    let _one = line.admit(&[bcrypt(10)], 3 * UNITS).expect("room");
    assert!(line.admit(&[], UNITS).is_err(), "one who brings four hashes is as many as four");
    let line = HashQueue::new(2, SLOW);
    let _many: Vec<_> =
        (0..7).map(|_| line.admit(&[], UNITS).expect("two threads have room for twice as many")).collect();
    assert!(line.admit(&[], UNITS).is_err());
}

#[test]
fn whoever_finds_a_free_thread_is_admitted_whatever_the_pace() {
    let line = HashQueue::new(2, SLOW);
    let _first = line.admit(&[], 100 * UNITS).expect("nobody is there");
    let _second = line.admit(&[], 100 * UNITS).expect("a second thread is free");
    assert!(line.admit(&[], 0).is_err());
}

#[test]
fn argon2id_counts_as_what_it_keeps_from_others() {
    let line = HashQueue::new(2, SLOW);
    assert_eq!(line.load(&argon2id()), 2 * 3 * argon2id().units());
    assert_eq!(line.load(&bcrypt(11)), 2_048);
}

#[test]
fn being_busy_is_seen_through_the_error() {
    let busy = Overloaded { retry_after: Duration::from_secs(2) };
    assert_eq!(Overloaded::from_unavailable(&Unavailable::retry_later(busy)), Some(&busy));
    assert_eq!(Overloaded::from_unavailable(&Unavailable::retry_later("down")), None);
}

#[test]
fn a_batch_is_as_wide_as_the_line_and_of_one_cost() {
    let line = HashQueue::new(0, SLOW);
    let costs = [10, 12, 10, 10, 10, 10, 10, 12];
    let _answers = wait_in(&line, costs.map(bcrypt).into());
    assert_eq!(next(&line), Some(vec![10; MAX_LANES]));
    assert_eq!(next(&line), Some(vec![12, 12]));
    assert_eq!(next(&line), Some(vec![10]), "alone, a hash runs alone");
    assert_eq!(next(&line), None);
}

#[test]
fn argon2id_runs_one_at_a_time_and_others_pass_it() {
    let line = HashQueue::new(0, SLOW);
    let _answers = wait_in(&line, vec![argon2id(), argon2id(), bcrypt(10)]);
    let first = line.next_batch().expect("work");
    assert!(first[0].work.cost().is_none());
    assert_eq!(next(&line), Some(vec![10]));
    assert_eq!(next(&line), None, "its memory is in use");
    line.done(&first, Duration::ZERO);
    assert_eq!(next(&line), Some(vec![0]));
}

#[tokio::test]
async fn whoever_has_waited_once_goes_first() {
    let line = HashQueue::new(1, SLOW);
    let serve = |line: &Arc<HashQueue>| {
        for digest in line.next_batch().expect("work") {
            let _ = digest.answer.send(String::new());
        }
    };
    let mut reservation = line.admit(&[], 2 * UNITS).expect("room");
    let other = line.run(bcrypt(11));
    tokio::pin!(other);
    tokio::select! {
        biased;
        _ = reservation.run(bcrypt(10)) => panic!("nobody serves"),
        () = async { serve(&line) } => {}
    }
    tokio::select! {
        biased;
        _ = &mut other => panic!("nobody serves"),
        _ = reservation.run(bcrypt(12)) => panic!("nobody serves"),
        () = async { assert_eq!(next(&line), Some(vec![12])) } => {}
    }
}

#[tokio::test]
async fn what_is_done_is_no_longer_waited_for() {
    let line = HashQueue::new(1, SLOW);
    let served = Arc::clone(&line);
    let thread = thread::spawn(move || served.serve(|| {}));
    let mut reservation = line.admit(&[bcrypt(10)], UNITS).expect("room");
    reservation.run(bcrypt(10)).await.expect("a digest");
    assert_eq!(line.lock().promised, UNITS, "the other half may still come");
    drop(reservation);
    assert_eq!(line.lock().promised, 0);
    assert_eq!(line.lock().inside, 0);
    line.close();
    thread.join().expect("the thread ends");
}

#[tokio::test]
async fn many_at_once_each_get_their_own_digest() {
    let line = HashQueue::new(2, SLOW);
    let threads = [0, 1].map(|_| {
        let line = Arc::clone(&line);
        thread::spawn(move || line.serve(|| {}))
    });
    let texts = [
        "$2b$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.",
        "$2b$11$n79VH.0Q2TMWmt3Oqt9ukuNjeluQm8pkbfo4yK6eRBreq3W71o4Xi",
        "$bcrypt-sha256$2b,10$n79VH.0Q2TMWmt3Oqt9uku$cJfCE5Mm/coB8B3zCESz95Q9NiVogu.",
        "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$LKs7inkI/oKjk7aX707pJ0SWeVlmd8V/+h387oAmkCM",
        "$argon2id$v=19$m=256,t=3,p=4$MTIzNDU2Nzg$vKXppk+Jh5l8UMBKxz593g",
        "bcrypt_sha256$$2b$10$n79VH.0Q2TMWmt3Oqt9uku1gHV.ERfnpOhPieJKdrFwoT/NC0LQMS",
    ];
    let digests = futures::future::join_all(texts.iter().cycle().take(18).map(|text| line.run(stored(text)))).await;
    for (digest, text) in digests.into_iter().zip(texts.iter().cycle()) {
        let digest = digest.expect("computed");
        assert!(text.ends_with(&digest) && digest.len() > 20, "{text}");
    }
    line.close();
    for thread in threads {
        thread.join().expect("the thread ends");
    }
}
