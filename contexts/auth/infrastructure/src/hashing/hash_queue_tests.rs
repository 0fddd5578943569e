use super::{HashQueue, MAX_LANES, Overloaded, QueuedHash};
use crate::hashing::bcrypt::BcryptJob;
use crate::hashing::hash_job::HashJob;
use crate::hashing::throughput::ThroughputEstimate;
use auth_domain::PasswordHash;
use kernel::Secret;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
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

/// Puts jobs in the queue. A job is wanted while its receiver is kept.
fn enqueue(queue: &HashQueue, works: Vec<HashJob>) -> Vec<oneshot::Receiver<String>> {
    let (waiting, answers): (VecDeque<_>, Vec<_>) = works
        .into_iter()
        .map(|work| {
            let (answer, answered) = oneshot::channel();
            (QueuedHash { work, answer }, answered)
        })
        .unzip();
    queue.lock().waiting = waiting;
    answers
}

fn pbkdf2() -> HashJob {
    stored("$pbkdf2-sha256$i=100000,l=16$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA")
}

/// The costs of the next batch; 0 stands for another scheme.
fn next(queue: &HashQueue) -> Option<Vec<u32>> {
    let batch = queue.lock().take_batch()?;
    Some(batch.iter().map(|it| it.work.cost().map_or(0, bcrypt_lanes::Cost::log2)).collect())
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
fn slow_batches_admit_fewer_callers() {
    let queue = HashQueue::new(1, SLOW);
    for _ in 0..50 {
        queue.lock().pace.learn(2, UNITS, Duration::from_secs(1));
    }
    // 1.5 s at 0.3 s each would be six callers.
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
fn a_batch_has_one_cost_and_fills_the_lanes() {
    let queue = HashQueue::new(0, SLOW);
    let costs = [10, 12, 10, 10, 10, 10, 10, 12];
    let _answers = enqueue(&queue, costs.map(bcrypt).into());
    assert_eq!(next(&queue), Some(vec![10; MAX_LANES]));
    assert_eq!(next(&queue), Some(vec![12, 12]));
    assert_eq!(next(&queue), Some(vec![10]), "a single hash does not wait for others");
    assert_eq!(next(&queue), None);
}

#[test]
fn argon2id_runs_one_at_a_time_and_bcrypt_overtakes_it() {
    let queue = HashQueue::new(0, SLOW);
    let _answers = enqueue(&queue, vec![argon2id(), argon2id(), bcrypt(10)]);
    let first = queue.next_batch().expect("work");
    assert!(first[0].work.cost().is_none());
    assert_eq!(next(&queue), Some(vec![10]));
    assert_eq!(next(&queue), None, "its memory is in use");
    queue.done(&first, Duration::ZERO);
    assert_eq!(next(&queue), Some(vec![0]));
}

#[test]
fn a_scheme_without_much_memory_runs_on_every_thread_beside_argon2id() {
    let queue = HashQueue::new(0, SLOW);
    let scrypt = "$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA";
    let _answers = enqueue(&queue, vec![argon2id(), stored(scrypt), pbkdf2(), pbkdf2()]);
    let argon2id = queue.next_batch().expect("work");
    let pbkdf2 = queue.next_batch().expect("work");
    assert!(argon2id[0].work.is_memory_hard() && !pbkdf2[0].work.is_memory_hard());
    queue.done(&pbkdf2, Duration::ZERO);
    assert_eq!(next(&queue), Some(vec![0]), "one scheme alone in a batch");
    assert_eq!(next(&queue), None, "scrypt waits for the memory of argon2id");
    queue.done(&argon2id, Duration::ZERO);
    assert_eq!(next(&queue), Some(vec![0]));
}

#[tokio::test]
async fn the_second_job_of_a_reservation_goes_first() {
    let queue = HashQueue::new(1, SLOW);
    let serve = |queue: &Arc<HashQueue>| {
        for digest in queue.next_batch().expect("work") {
            let _ = digest.answer.send(String::new());
        }
    };
    let mut reservation = queue.admit(&[], 2 * UNITS).expect("room");
    let other = queue.run(bcrypt(11));
    tokio::pin!(other);
    tokio::select! {
        biased;
        _ = reservation.run(bcrypt(10)) => panic!("no thread serves the queue"),
        () = async { serve(&queue) } => {}
    }
    tokio::select! {
        biased;
        _ = &mut other => panic!("no thread serves the queue"),
        _ = reservation.run(bcrypt(12)) => panic!("no thread serves the queue"),
        () = async { assert_eq!(next(&queue), Some(vec![12])) } => {}
    }
}

#[tokio::test]
async fn finished_work_no_longer_counts() {
    let queue = HashQueue::new(1, SLOW);
    let served = Arc::clone(&queue);
    let thread = thread::spawn(move || served.serve(|| {}));
    let mut reservation = queue.admit(&[bcrypt(10)], UNITS).expect("room");
    reservation.run(bcrypt(10)).await.expect("a digest");
    assert_eq!(queue.lock().promised, UNITS, "the other half may still come");
    drop(reservation);
    assert_eq!(queue.lock().promised, 0);
    assert_eq!(queue.lock().inside, 0);
    queue.close();
    thread.join().expect("the thread ends");
}

#[tokio::test]
async fn concurrent_callers_each_get_their_own_digest() {
    let queue = HashQueue::new(2, SLOW);
    let threads = [0, 1].map(|_| {
        let queue = Arc::clone(&queue);
        thread::spawn(move || queue.serve(|| {}))
    });
    let texts = [
        "$2b$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.",
        "$2b$11$n79VH.0Q2TMWmt3Oqt9ukuNjeluQm8pkbfo4yK6eRBreq3W71o4Xi",
        "$bcrypt-sha256$2b,10$n79VH.0Q2TMWmt3Oqt9uku$cJfCE5Mm/coB8B3zCESz95Q9NiVogu.",
        "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$LKs7inkI/oKjk7aX707pJ0SWeVlmd8V/+h387oAmkCM",
        "$argon2id$v=19$m=256,t=3,p=4$MTIzNDU2Nzg$vKXppk+Jh5l8UMBKxz593g",
        "$5$rounds=1000$salt$kwAdGacGgi51FUge1ZypnRexPah5xtN496WaAgGEdB/",
        "bcrypt_sha256$$2b$10$n79VH.0Q2TMWmt3Oqt9uku1gHV.ERfnpOhPieJKdrFwoT/NC0LQMS",
    ];
    let digests = futures::future::join_all(texts.iter().cycle().take(21).map(|text| queue.run(stored(text)))).await;
    for (digest, text) in digests.into_iter().zip(texts.iter().cycle()) {
        let digest = digest.expect("computed");
        assert!(text.ends_with(&digest) && digest.len() > 20, "{text}");
    }
    queue.close();
    for thread in threads {
        thread.join().expect("the thread ends");
    }
}
