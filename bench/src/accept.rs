//! Measures how quickly sign-ups are accepted while workers hash earlier ones.

use crate::server::{Result, Server};
use crate::{COST, one_hash_of_the_crate};
use serde_json::json;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};
use testkit::Client;

const CLIENTS: usize = 32;
const LASTS: Duration = Duration::from_secs(10);

/// Each client sends a sign-up as soon as its previous one is accepted. Afterwards one hash shows how fast the machine
/// is.
pub(crate) fn run(binary: &Path) -> Result<()> {
    let server = Server::start(binary)?;
    let together = Barrier::new(CLIENTS);
    let client = |client: usize| -> Result<Vec<Duration>> {
        let mut connection = Client::new(server.at);
        let connected = connection.get("/health/live");
        together.wait();
        connected?;
        let (begun, mut times) = (Instant::now(), Vec::new());
        while begun.elapsed() < LASTS {
            let email = format!("{client}.{}@example.org", times.len());
            let person = json!({ "email": email, "password": "a rather long pass phrase", "name": "Ada Lovelace" });
            times.push(connection.post("/users", "respond-async", &person)?.with_status(202)?.took);
        }
        Ok(times)
    };
    let times: Result<Vec<_>> = thread::scope(|scope| {
        let client = &client;
        let clients: Vec<_> = (0..CLIENTS).map(|n| scope.spawn(move || client(n))).collect();
        clients.into_iter().map(|client| client.join().map_err(|_| "a client panicked")?).collect()
    });
    let mut times = times?.concat();
    times.sort_unstable();
    let at =
        |percent: usize| times.get(times.len() * percent / 100).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0);
    drop(server);
    let hash = one_hash_of_the_crate() * 1000.0;
    println!("{CLIENTS} clients for {LASTS:?}, cost {COST}, in milliseconds");
    println!("accepted                 {:>7}   {:.0} a second", times.len(), times.len() as f64 / LASTS.as_secs_f64());
    println!("p50, p90, p99            {:>7.1} {:.1} {:.1}", at(50), at(90), at(99));
    println!("one hash of the crate    {hash:>7.1}   after the load");
    Ok(())
}
