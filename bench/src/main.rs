//! Benchmarks that compare speeds within one run. Run them on an idle machine.
//!
//! `cargo xtask bench [COST]`: hashes per second on one core by the number of lanes, compared with the `bcrypt` crate.
//! `cargo xtask bench sign-in [BINARY]`: a single sign-in compared with one hash. BINARY defaults to
//! `target/release/roster`.
//! `cargo xtask bench accept [BINARY]`: how long 32 clients wait for a 202 while workers hash.
//!
//! The server runs on SQLite. If `DATABASE_URL` (an empty database) and `AMQP_URL` are set, an API and a worker run on
//! PostgreSQL and RabbitMQ.
#![expect(clippy::print_stdout, reason = "it prints a table")]

mod accept;
mod server;
mod sign_in;

use bcrypt_lanes::{Cost, Job, MAX_LANES, bcrypt};
use std::hint::black_box;
use std::time::Instant;

const RUNS: usize = 9;
/// The default cost.
const COST: u32 = 12;

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// The seconds of one hash by the `bcrypt` crate.
fn one_hash_of_the_crate() -> f64 {
    seconds(|| {
        black_box(bcrypt::bcrypt(COST, [7; 16], black_box(b"a rather long pass phrase\0")));
    })
}

fn main() -> server::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (what, binary) = (arguments.next(), arguments.next());
    let binary = binary.as_deref().unwrap_or("target/release/roster").as_ref();
    match what.as_deref() {
        Some("sign-in") => sign_in::run(binary),
        Some("accept") => accept::run(binary),
        cost => lanes(Cost::try_from(cost.map_or(Ok(10), str::parse)?)?),
    }
}

fn lanes(cost: Cost) -> server::Result<()> {
    println!("cost {}, best of {RUNS} runs", cost.log2());
    println!("lanes  hashes/s  / the crate's  batch / one hash of the crate");
    for width in 1..=MAX_LANES {
        let jobs: Vec<_> = (0..).take(width).map(|i| Job { key: b"correct horse battery", salt: [i; 16] }).collect();
        let (mut ours, mut theirs) = (f64::MAX, f64::MAX);
        // Alternate, so that a busy moment of the machine affects both.
        for _ in 0..RUNS {
            ours = ours.min(seconds(|| drop(black_box(bcrypt(cost, black_box(&jobs))))));
            theirs = theirs.min(seconds(|| {
                black_box(bcrypt::bcrypt(cost.log2(), [0; 16], black_box(b"correct horse battery\0")));
            }));
        }
        let batch = ours / theirs;
        let lanes = f64::from(u32::try_from(width)?);
        println!("{width:>5}  {:>8.1}  {:>13.2}  {batch:>29.2}", lanes / ours, lanes / batch);
    }
    Ok(())
}
