use super::{HashQueue, InLane, MAX_LANES, Overloaded};
use crate::hashing::bcrypt::BcryptJob;
use crate::hashing::hash_job::HashJob;
use crate::hashing::single_job::{SingleJob, SingleJobError};
use crate::hashing::throughput::ThroughputEstimate;
use auth_domain::PasswordHash;
use bcrypt_lanes::Lanes;
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use kernel::Secret;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use use_case::Unavailable;

/// At this speed a hash of cost 10 takes half a second on one thread.
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

/// Puts jobs in the queue. A job is wanted while its future is kept.
fn enqueue(queue: &HashQueue, works: impl IntoIterator<Item = HashJob>) -> Vec<LocalBoxFuture<'_, ()>> {
    let mut answers: Vec<_> = works.into_iter().map(|work| queue.run(work).map(drop).boxed_local()).collect();
    for answer in &mut answers {
        assert!(answer.now_or_never().is_none(), "no thread serves the queue");
    }
    answers
}

fn pbkdf2() -> HashJob {
    stored("$pbkdf2-sha256$i=100000,l=16$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA")
}

/// The costs of the jobs that a thread with so many running ones takes.
fn take(queue: &HashQueue, running: usize) -> Vec<u32> {
    queue.lock().take_bcrypt(running, queue.threads).iter().map(|waiting| waiting.job.cost.log2()).collect()
}

/// Takes the next job of another scheme: whether it is memory-hard.
fn take_single(queue: &HashQueue) -> Option<bool> {
    queue.lock().take_single().map(|next| next.job.is_memory_hard())
}

#[test]
fn a_caller_who_would_wait_over_1_5_seconds_is_refused_with_a_retry_time() {
    let queue = HashQueue::new(1, SLOW);
    let mut admitted: Vec<_> = (0..4).map(|_| queue.admit(&[], UNITS).expect("room")).collect();
    let refused = queue.admit(&[], UNITS).err();
    assert!(
        refused.is_some_and(|busy| busy.retry_after.abs_diff(Duration::from_millis(500)) < Duration::from_millis(1))
    );
    assert_eq!(queue.check().err(), refused, "the check before tells the same");
    admitted.pop();
    assert_eq!((queue.check(), queue.check()), (Ok(()), Ok(())), "it reserves nothing");
    assert!(queue.admit(&[], UNITS).is_ok(), "a dropped reservation makes room");
}

#[test]
fn slow_hashes_admit_fewer_callers() {
    let queue = HashQueue::new(1, SLOW);
    for _ in 0..50 {
        queue.lock().estimate.learn_duration(UNITS, Duration::from_secs(1));
    }
    // 1.5 s at 0.5 s each would be four callers.
    let admitted: Vec<_> = std::iter::from_fn(|| queue.admit(&[], UNITS).ok()).take(10).collect();
    assert_eq!(admitted.len(), 2);
}

#[test]
fn admission_counts_work_and_not_callers() {
    let queue = HashQueue::new(1, SLOW);
    let _one = queue.admit(&[bcrypt(10)], 3 * UNITS).expect("room");
    assert!(queue.admit(&[], UNITS).is_err(), "a caller with four hashes counts as four");
    let queue = HashQueue::new(2, SLOW);
    let _many: Vec<_> =
        (0..7).map(|_| queue.admit(&[], UNITS).expect("two threads have room for twice as many")).collect();
    assert!(queue.admit(&[], UNITS).is_err());
}

#[test]
fn a_caller_is_admitted_while_a_thread_is_free_at_any_speed() {
    let queue = HashQueue::new(2, SLOW);
    let _first = queue.admit(&[], 100 * UNITS).expect("both threads are free");
    let _second = queue.admit(&[], 100 * UNITS).expect("a second thread is free");
    assert!(queue.admit(&[], 0).is_err());
}

#[test]
fn the_load_of_argon2id_counts_all_threads() {
    let queue = HashQueue::new(2, SLOW);
    assert_eq!(queue.load(&argon2id()), 2 * 3 * argon2id().units());
    assert!(pbkdf2().units() > 100);
    assert_eq!(queue.load(&pbkdf2()), 3 * pbkdf2().units(), "the other threads share the work");
    assert_eq!(queue.load(&bcrypt(11)), 2_048);
}

#[test]
fn an_overload_is_found_in_the_source_of_the_error() {
    let busy = Overloaded { retry_after: Duration::from_secs(2) };
    assert_eq!(Overloaded::from_unavailable(&Unavailable::retry_later(busy)), Some(&busy));
    assert_eq!(Overloaded::from_unavailable(&Unavailable::retry_later("down")), None);
}

#[test]
fn jobs_of_any_cost_share_the_lanes() {
    let queue = HashQueue::new(1, SLOW);
    let _answers = enqueue(&queue, [10, 12, 10, 11, 10, 10, 10, 12].map(bcrypt));
    assert_eq!(take(&queue, 0), [10, 12, 10, 11, 10]);
    assert!(take(&queue, MAX_LANES).is_empty(), "the lanes are full");
    assert_eq!(take(&queue, 3), [10, 10], "freed lanes are filled at once");
}

#[test]
fn threads_share_the_waiting_jobs_evenly() {
    let queue = HashQueue::new(2, SLOW);
    let mut answers = enqueue(&queue, [10; 4].map(bcrypt));
    assert_eq!(take(&queue, 0).len(), 2, "the other two are for the thread that is idle");
    assert_eq!(take(&queue, 2).len(), 0);
    assert_eq!(take(&queue, 0).len(), 2);
    answers.extend(enqueue(&queue, [10].map(bcrypt)));
    assert_eq!(take(&queue, 2).len(), 1, "either thread takes the fifth");
    answers.extend(enqueue(&queue, [10; 20].map(bcrypt)));
    assert_eq!((take(&queue, 3).len(), take(&queue, 2).len()), (2, 3));
}

#[test]
fn jobs_of_callers_who_have_gone_are_not_computed() {
    let queue = HashQueue::new(1, SLOW);
    let mut answers = enqueue(&queue, [10, 11, 12].map(bcrypt));
    drop(answers.remove(1));
    let mut lanes = Lanes::<InLane>::default();
    assert!(queue.fill(&mut lanes));
    assert_eq!(lanes.len(), 2);
}

#[test]
fn a_job_of_another_scheme_waits_for_the_bcrypt_jobs_before_it_and_for_no_later_ones() {
    let queue = HashQueue::new(1, SLOW);
    let _answers = enqueue(&queue, [bcrypt(10), pbkdf2(), bcrypt(11)]);
    assert_eq!(take_single(&queue), None, "the time of a sign-in must not tell the scheme");
    queue.lock().in_lanes = MAX_LANES - 1;
    assert_eq!(take(&queue, MAX_LANES - 1), [10]);
    assert_eq!(take_single(&queue), Some(false));
    assert_eq!(take(&queue, 0), [11]);
}

#[test]
fn argon2id_runs_one_at_a_time() {
    let queue = HashQueue::new(1, SLOW);
    let _answers = enqueue(&queue, [argon2id(), argon2id(), bcrypt(10)]);
    assert_eq!(take_single(&queue), Some(true));
    assert_eq!(take_single(&queue), None, "its memory is in use");
    assert_eq!(take(&queue, 0), [10], "bcrypt has threads of its own");
}

#[test]
fn a_scheme_without_much_memory_runs_on_every_thread_beside_argon2id() {
    let queue = HashQueue::new(1, SLOW);
    let scrypt = "$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA";
    let _answers = enqueue(&queue, [argon2id(), stored(scrypt), pbkdf2(), pbkdf2()]);
    let taken = [(); 4].map(|()| take_single(&queue));
    assert_eq!(taken, [Some(true), Some(false), Some(false), None], "scrypt waits for the memory of argon2id");
    queue.lock().memory_hard_runs = false;
    assert_eq!(take_single(&queue), Some(true));
}

#[tokio::test]
async fn the_second_job_of_a_reservation_goes_first() {
    let queue = HashQueue::new(1, SLOW);
    let mut reservation = queue.admit(&[], 2 * UNITS).expect("room");
    let other = queue.run(bcrypt(11));
    tokio::pin!(other);
    tokio::select! {
        biased;
        _ = reservation.run(bcrypt(10)) => panic!("no thread serves the queue"),
        () = async { assert_eq!(take(&queue, 0), [10]) } => {}
    }
    tokio::select! {
        biased;
        _ = &mut other => panic!("no thread serves the queue"),
        _ = reservation.run(bcrypt(12)) => panic!("no thread serves the queue"),
        () = async { assert_eq!(take(&queue, 0), [12, 11]) } => {}
    }
}

#[tokio::test]
async fn finished_work_no_longer_counts() {
    let queue = HashQueue::new(1, SLOW);
    let served = Arc::clone(&queue);
    let thread = thread::spawn(move || served.compute_bcrypt(|| {}));
    let mut reservation = queue.admit(&[bcrypt(10)], UNITS).expect("room");
    reservation.run(bcrypt(10)).await.expect("a digest");
    assert_eq!(queue.lock().promised, UNITS, "the other half may still come");
    drop(reservation);
    assert_eq!(queue.lock().promised, 0);
    assert_eq!(queue.lock().inside, 0);
    queue.close();
    thread.join().expect("the thread ends");
}

/// A job that meets a bug.
struct Panics;

impl SingleJob for Panics {
    fn units(&self) -> u64 {
        1
    }

    fn is_memory_hard(&self) -> bool {
        true
    }

    fn compute(&self) -> Result<String, SingleJobError> {
        panic!("a bug")
    }
}

#[tokio::test]
async fn a_job_that_panics_fails_alone() {
    let queue = HashQueue::new(1, SLOW);
    let served = Arc::clone(&queue);
    let thread = thread::spawn(move || served.compute_others());
    assert!(queue.run(HashJob::Single(Box::new(Panics))).await.is_err());
    let next = tokio::time::timeout(Duration::from_secs(60), queue.run(argon2id())).await;
    assert!(next.expect("the thread goes on, and the memory is free").is_ok());
    queue.close();
    thread.join().expect("the thread ends");
}

#[tokio::test]
async fn concurrent_callers_each_get_their_own_digest() {
    let queue = HashQueue::new(2, SLOW);
    let threads: Vec<_> = (0..2)
        .flat_map(|_| {
            let [bcrypt, others] = [(); 2].map(|()| Arc::clone(&queue));
            [thread::spawn(move || bcrypt.compute_bcrypt(|| {})), thread::spawn(move || others.compute_others())]
        })
        .collect();
    let texts = [
        "$2b$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.",
        "$2b$11$n79VH.0Q2TMWmt3Oqt9ukuNjeluQm8pkbfo4yK6eRBreq3W71o4Xi",
        "$bcrypt-sha256$2b,10$n79VH.0Q2TMWmt3Oqt9uku$cJfCE5Mm/coB8B3zCESz95Q9NiVogu.",
        "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$LKs7inkI/oKjk7aX707pJ0SWeVlmd8V/+h387oAmkCM",
        "$argon2id$v=19$m=256,t=3,p=4$MTIzNDU2Nzg$vKXppk+Jh5l8UMBKxz593g",
        "$5$rounds=1000$salt$kwAdGacGgi51FUge1ZypnRexPah5xtN496WaAgGEdB/",
        "bcrypt_sha256$$2b$10$n79VH.0Q2TMWmt3Oqt9uku1gHV.ERfnpOhPieJKdrFwoT/NC0LQMS",
    ];
    let all = futures::future::join_all(texts.iter().cycle().take(21).map(|text| queue.run(stored(text))));
    let digests = tokio::time::timeout(Duration::from_secs(60), all).await.expect("every job is computed");
    for (digest, text) in digests.into_iter().zip(texts.iter().cycle()) {
        let digest = digest.expect("computed");
        assert!(text.ends_with(&digest) && digest.len() > 20, "{text}");
    }
    queue.close();
    for thread in threads {
        thread.join().expect("the thread ends");
    }
}
