//! Compares a single sign-in with one hash.

use crate::server::{Result, Server};
use crate::{COST, one_hash_of_the_crate, seconds};
use bcrypt_lanes::{Cost, Job, bcrypt};
use serde_json::json;
use std::hint::black_box;
use std::path::Path;
use testkit::Client;

const ROUNDS: usize = 25;
const EMAIL: &str = "ada@example.org";
const WAIT: &str = "wait=20";
const PASSWORD: &str = "a rather long pass phrase";

/// Alternates sign-ins on one connection with single hashes, without other load.
pub(crate) fn run(binary: &Path) -> Result<()> {
    let server = Server::start(binary)?;
    let mut client = Client::new(server.at);
    let person = json!({ "email": EMAIL, "password": PASSWORD, "name": "Ada" });
    client.post("/users", WAIT, &person)?.with_status(201)?;
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    let (cost, job) = (Cost::try_from(COST)?, Job { key: PASSWORD.as_bytes(), salt: [7; 16] });
    let (mut sign_ins, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        sign_ins.push(client.post("/auth/login", WAIT, &credentials)?.with_status(200)?.took.as_secs_f64());
        ours.push(seconds(|| drop(black_box(bcrypt(cost, black_box(&[job]))))));
        theirs.push(one_hash_of_the_crate());
    }
    let [sign_in, ours, theirs] = [sign_ins, ours, theirs].map(|times| median(times) * 1000.0);
    println!("cost {COST}, medians of {ROUNDS} rounds in turns, in milliseconds");
    println!("a lone sign-in           {sign_in:>7.1}");
    println!("one hash                 {ours:>7.1}   the sign-in takes {:.1} more", sign_in - ours);
    println!("one hash of the crate    {theirs:>7.1}   sign-in / hash {:.2}", sign_in / theirs);
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
