//! `cargo xtask demo`: signs up two thousand varied people and reads them back, on SQLite or PostgreSQL.

mod people;
mod report;
pub(crate) mod server;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use testkit::{Answer, Client};

use self::people::{Fate, Person};
use self::report::Report;
use self::server::{Server, Settings};
use crate::servers::{Place, Servers, Whose};
use crate::{process, workspace};

const CLIENTS: usize = 32;
/// A command counts as lost if it is not finished this long after the previous one.
const LOST_AFTER: Duration = Duration::from_secs(120);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Use PostgreSQL and RabbitMQ with an API and a worker process, instead of one process on SQLite
    #[arg(long)]
    postgres: bool,
    /// The number of people who sign up
    #[arg(long, default_value_t = 2_000)]
    people: usize,
    /// The bcrypt cost
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(10..=15))]
    cost: u32,
    /// Use this binary of Roster instead of building one
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// Runs the demo.
///
/// # Errors
/// When a person was lost, registered twice or changed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("there is no {}", binary.display()))?,
        None => workspace::build_roster(&["--release"])?,
    };
    let mut place = Place::below(&workspace::target()?.join("servers"))?;
    let servers = if options.postgres { Some(Servers::start(Whose::Ours)?) } else { None };
    let settings = Settings { binary: &binary, cost: options.cost, servers: servers.as_ref(), environment: &[] };
    let shown = measure(options, &settings, &place);
    if shown.as_ref().map_or(true, |report| !report.wrong.is_empty()) {
        place.keep();
        println!("The server's log is in {}", place.path().display());
    }
    let report = shown?;
    report.print(options.postgres);
    if !report.wrong.is_empty() {
        bail!("{} of {} went wrong", report.wrong.len(), options.people);
    }
    Ok(())
}

fn measure(options: &Options, settings: &Settings<'_>, place: &Place) -> Result<Report> {
    let mut server = Server::start(settings, place)?;
    let mut report = Report::new(&server, fs::metadata(settings.binary)?.len());
    show(&people::people(options.people), &mut server, &mut report)?;
    report.stopped_in = server.stop()?;
    Ok(report)
}

fn show(people: &[Person], server: &mut Server, report: &mut Report) -> Result<()> {
    // First one sign-up alone, to its end, so that API and worker have opened their connections.
    let first = json!({ "email": "the.very.first@example.org", "password": "a pass phrase of the very first" });
    report.first = sign_up_alone(server, &first)?.took;
    let began = Instant::now();
    let pending = sign_up(people, server, report)?;
    report.accepting = began.elapsed();
    let ended = follow(pending, server, report)?;
    report.completing = began.elapsed();
    report.memory_after = server.memory();
    let users = check_outcomes(people, &ended, report);
    read_back(people, &users, server, report)
}

/// Signs a person up and waits until it is done.
pub(crate) fn sign_up_alone(server: &Server, person: &Value) -> io::Result<Answer> {
    Client::new(server.at).post("/users", "wait=30", person)?.with_status(201)
}

/// A command that was answered 202.
struct Accepted {
    person: usize,
    path: String,
}

/// Sends every request, and compares each answer with the person's fate.
fn sign_up(people: &[Person], server: &Server, report: &mut Report) -> Result<Vec<Accepted>> {
    let ask = |client: &mut Client, person: usize| client.post("/users", "respond-async", &people[person].body);
    let mut pending = Vec::new();
    for (person, answer) in in_parallel("sign up", people.len(), server.at, ask)? {
        match (answer, &people[person].fate) {
            (Ok(answer), Fate::Accepted { .. }) if answer.status == 202 => {
                report.accept_times.push(answer.took);
                match command_path(&answer) {
                    Ok(path) => pending.push(Accepted { person, path }),
                    Err(complaint) => report.wrong.push(format!("person {person}: {complaint}")),
                }
            }
            (Ok(answer), Fate::Refused { pointer }) if (400..500).contains(&answer.status) => {
                match refusal(&answer, *pointer) {
                    Ok(code) => *report.refused.entry(code).or_default() += 1,
                    Err(complaint) => report.wrong.push(format!("person {person}: {complaint}")),
                }
            }
            (Ok(answer), fate) => report
                .wrong
                .push(format!("person {person}: {} {} where {fate:?} was expected", answer.status, answer.body)),
            (Err(error), _) => report.wrong.push(format!("person {person}: {error}")),
        }
    }
    // Ask for the oldest first. This is nearly the order of acceptance.
    pending.sort_by_key(|accepted| accepted.person);
    Ok(pending)
}

fn command_path(answer: &Answer) -> Result<String, String> {
    let command = answer.value();
    let id = command["id"].as_str().ok_or("the 202 has no command's id")?;
    let path = format!("/commands/{id}");
    match answer.header("location") {
        Some(location) if location == path || location.ends_with(&path) => Ok(path),
        Some(location) => Err(format!("Location is {location} where {path} was expected")),
        None => Err("the 202 has no Location".to_owned()),
    }
}

/// The code of a refusal, which must be a problem document (RFC 9457) that names the pointer.
fn refusal(answer: &Answer, pointer: Option<&str>) -> Result<String, String> {
    let media_type = answer.header("content-type").unwrap_or_default();
    if !media_type.starts_with("application/problem+json") {
        return Err(format!("a refusal as `{media_type}`"));
    }
    let problem = answer.value();
    let code = problem["code"].as_str().ok_or("a refusal without a code")?;
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    match pointer {
        Some(pointer) => match errors.iter().find(|error| error["pointer"] == pointer) {
            Some(error) => Ok(error["code"].as_str().unwrap_or(code).to_owned()),
            None => Err(format!("a refusal that does not name {pointer}: {}", answer.body)),
        },
        None => Ok(code.to_owned()),
    }
}

/// Polls the commands until all have ended, with few requests, in order not to slow the workers.
fn follow(mut pending: Vec<Accepted>, server: &mut Server, report: &mut Report) -> Result<Vec<(usize, Value)>> {
    const NOT_YET: usize = 8;
    let mut client = Client::new(server.at);
    let bar = bar("complete", pending.len())?;
    let mut ended = Vec::with_capacity(pending.len());
    let mut last_end = Instant::now();
    while !pending.is_empty() {
        let mut still_pending = Vec::with_capacity(pending.len());
        for accepted in pending {
            // Commands end in about the order of acceptance: behind the first few unfinished ones, hardly one has
            // ended.
            if still_pending.len() >= NOT_YET {
                still_pending.push(accepted);
                continue;
            }
            let answer = client.get(&accepted.path)?;
            let command = answer.value();
            match command["status"].as_str() {
                Some("succeeded" | "rejected" | "failed") => {
                    bar.inc(1);
                    last_end = Instant::now();
                    ended.push((accepted.person, command));
                }
                Some("accepted" | "running") => still_pending.push(accepted),
                _ => {
                    let Answer { status, body, .. } = answer;
                    report.wrong.push(format!("{} of person {}: {status} {body}", accepted.path, accepted.person));
                }
            }
        }
        pending = still_pending;
        if LOST_AFTER < last_end.elapsed() {
            for accepted in &pending {
                report.wrong.push(format!("{} of person {} does not end", accepted.path, accepted.person));
            }
            break;
        }
        server.expect_alive()?;
        if !pending.is_empty() {
            process::pause(Duration::from_millis(100))?;
        }
    }
    bar.finish();
    Ok(ended)
}

/// Checks that exactly one registration of each mailbox succeeded, and that none failed. Returns the user ids to read,
/// with the person, or with `None` if the user must not exist.
fn check_outcomes(people: &[Person], ended: &[(usize, Value)], report: &mut Report) -> Vec<(String, Option<usize>)> {
    let mut users = Vec::new();
    let mut successes: HashMap<usize, usize> = HashMap::new();
    let mut mailboxes = HashSet::new();
    for (person, command) in ended {
        let Fate::Accepted { mailbox } = people[*person].fate else { continue };
        mailboxes.insert(mailbox);
        let target = command["target"]["id"].as_str();
        if let (Some(chosen), Some(target)) = (people[*person].chosen_id(), target)
            && chosen != target
        {
            report.wrong.push(format!("person {person} chose the id {chosen} and got {target}"));
        }
        let Some(user) = target.or(people[*person].chosen_id()) else {
            report.wrong.push(format!("the command of person {person} names no user: {command}"));
            continue;
        };
        match command["status"].as_str() {
            Some("succeeded") => {
                *successes.entry(mailbox).or_default() += 1;
                report.succeeded += 1;
                users.push((user.to_owned(), Some(*person)));
            }
            Some("rejected") => {
                let code = command["error"]["code"].as_str().unwrap_or("without a code");
                *report.rejected.entry(code.to_owned()).or_default() += 1;
                users.push((user.to_owned(), None));
            }
            _ => report.wrong.push(format!("the command of person {person} failed: {command}")),
        }
    }
    for mailbox in mailboxes {
        let times = successes.get(&mailbox).copied().unwrap_or(0);
        if times != 1 {
            report.wrong.push(format!("the mailbox of person {mailbox} was registered {times} times"));
        }
    }
    let distinct: HashSet<&String> = users.iter().map(|(user, _)| user).collect();
    if distinct.len() != users.len() {
        report.wrong.push(format!("{} commands share {} users", users.len(), distinct.len()));
    }
    users
}

/// Checks that every registered user can be read with the name that was sent, and that no other user exists.
fn read_back(people: &[Person], users: &[(String, Option<usize>)], server: &Server, report: &mut Report) -> Result<()> {
    let began = Instant::now();
    let ask = |client: &mut Client, index: usize| client.get(&format!("/users/{}", users[index].0));
    let answers = in_parallel("read back", users.len(), server.at, ask)?;
    report.reading = began.elapsed();
    for (index, answer) in answers {
        let (user, person) = &users[index];
        match (answer, person) {
            (Ok(answer), Some(person)) if answer.status == 200 => {
                report.read_times.push(answer.took);
                let sent = people[*person].name();
                let read = answer.value();
                if read["id"] != user.as_str() || &read["name"] != sent {
                    report.wrong.push(format!("person {person}, {sent}, reads {}", answer.body));
                }
            }
            (Ok(answer), None) if answer.status == 404 => {}
            (Ok(Answer { status, body, .. }), _) => report.wrong.push(format!("user {user}: {status} {body}")),
            (Err(error), _) => report.wrong.push(format!("user {user}: {error}")),
        }
    }
    Ok(())
}

/// Runs `ask` for each index below `count` on [`CLIENTS`] threads, and returns the answers.
fn in_parallel(
    what: &'static str,
    count: usize,
    at: SocketAddr,
    ask: impl Fn(&mut Client, usize) -> io::Result<Answer> + Sync,
) -> Result<Vec<(usize, io::Result<Answer>)>> {
    let (next, all_connected, bar) = (AtomicUsize::new(0), Barrier::new(CLIENTS), bar(what, count)?);
    let run = || {
        let mut client = Client::new(at);
        // Measure requests on open connections only. An error here is found again below.
        let _ = client.get("/health/live");
        all_connected.wait();
        let mut answers = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if count <= index || process::check().is_err() {
                return answers;
            }
            answers.push((index, ask(&mut client, index)));
            bar.inc(1);
        }
    };
    let answers = thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(run)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    bar.finish();
    process::check()?;
    Ok(answers)
}

fn bar(what: &'static str, length: usize) -> Result<ProgressBar> {
    let style =
        ProgressStyle::with_template("{prefix:>9} [{bar:40}] {pos}/{len} {per_sec} {eta}")?.progress_chars("=> ");
    Ok(ProgressBar::new(u64::try_from(length)?).with_style(style).with_prefix(what))
}

/// The number of occurrences of each code.
type Counts = BTreeMap<String, usize>;
