//! The end of each fault test: waits until all commands have ended, and checks all invariants.

use acceptance::process::checker::broken_promises;
use acceptance::process::load::{Load, SignUp, last_status, lost_answers, promised, sample};
use acceptance::process::stored::{SignIns, Stored};
use persistence::Db;
use std::time::{Duration, Instant};

/// How long commands may take after the last fault. Sign-ups are hashed at the lowest priority, so a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(600);
/// One in this many sign-ups has its password tried.
const ONE_IN: usize = 17;

/// Waits until all commands have ended, checks the clients' log and the database, and prints a summary.
pub(crate) async fn all_promises_kept(fault: &str, loads: Vec<Load>, db: &Db, people: usize) -> Vec<SignUp> {
    let begun = Instant::now();
    let mut log = Vec::new();
    for load in loads {
        log.extend(load.settle(PATIENCE).await);
    }
    let stored = Stored::read(db).await;
    let broken = broken_promises(&log, &stored);
    assert!(broken.is_empty(), "{fault}: {} promises broken:\n{}", broken.len(), broken.join("\n"));
    assert_eq!((log.len(), promised(&log)), (people, people), "every sign-up got a 202");

    let sign_ins = SignIns::new(db);
    let mut tried = 0;
    for person in sample(&log, ONE_IN).filter(|person| last_status(person) == Some("succeeded")) {
        let (_, user) = person.accepted().next().unwrap();
        assert_eq!(sign_ins.whose(&person.email, &person.password).await, Some(user), "{person:?}");
        assert_eq!(sign_ins.whose(&person.email, "not their password").await, None);
        tried += 1;
    }
    assert!(tried > 0, "at least one password was tried");
    let (lost, retried) = lost_answers(&log);
    let line = format!(
        "{fault}: {people} promised, {} succeeded, {} rejected; {lost} answers lost, {retried} people tried again; \
         settled in {:.1} s\n",
        stored.users.len(),
        stored.count("rejected"),
        begun.elapsed().as_secs_f64(),
    );
    // For people who read the output of many runs.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    log
}
