//! A lone sign-in beside one hash.

use crate::seconds;
use bcrypt_lanes::{Cost, Job, bcrypt};
use std::fs;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const ROUNDS: usize = 25;
const COST: u32 = 12;
const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "a rather long pass phrase";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Signs in again and again on one connection to `binary`, on SQLite and with nobody else, in turns with one hash.
pub(crate) fn run(binary: &Path) -> Result<()> {
    let server = Server::start(binary)?;
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port))?;
    connection.set_nodelay(true)?;
    let person = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}","name":"Ada"}}"#);
    post(&mut connection, "/users", &person, 201)?;
    let credentials = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}"}}"#);
    let (cost, job) = (Cost::try_from(COST)?, Job { key: PASSWORD.as_bytes(), salt: [7; 16] });
    let (mut sign_ins, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut signed_in = Ok(());
        sign_ins.push(seconds(|| signed_in = post(&mut connection, "/auth/login", &credentials, 200)));
        signed_in?;
        ours.push(seconds(|| drop(black_box(bcrypt(cost, black_box(&[job]))))));
        theirs.push(seconds(|| {
            black_box(bcrypt::bcrypt(COST, [7; 16], black_box(b"a rather long pass phrase\0")));
        }));
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

/// Sends a request and reads the whole answer.
fn post(connection: &mut TcpStream, path: &str, body: &str, expected: u16) -> Result<()> {
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nprefer: wait=20\r\ncontent-type: application/json\r\n");
    write!(connection, "{head}content-length: {}\r\n\r\n{body}", body.len())?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = connection.read(&mut buffer)?;
        answer.extend(buffer.get(..read).unwrap_or_default());
        let text = String::from_utf8_lossy(&answer);
        let complete = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            length.is_none_or(|length: usize| body.len() >= length)
        });
        if complete && text.starts_with(&format!("HTTP/1.1 {expected} ")) {
            return Ok(());
        }
        if complete || read == 0 {
            return Err(format!("POST {path} was answered {text}").into());
        }
    }
}

/// Killed, and gone with its data, when dropped.
struct Server {
    process: Child,
    port: u16,
    data: PathBuf,
}

impl Server {
    fn start(binary: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let data = std::env::temp_dir().join(format!("roster-bench-{}", std::process::id()));
        fs::create_dir(&data)?;
        #[expect(clippy::disallowed_methods, reason = "what is measured is the process")]
        let mut roster = Command::new(binary.canonicalize()?);
        roster.arg("serve").current_dir(&data).env_clear().stdin(Stdio::null()).stdout(Stdio::null());
        roster.envs([("ROSTER_LISTEN", format!("127.0.0.1:{port}")), ("ROSTER_LIMITS", "off".into())]);
        roster.envs([("ROSTER_METRICS_LISTEN", "off"), ("RUST_LOG", "warn"), ("ROSTER_BCRYPT_COST", "12")]);
        let server = Self { process: roster.env("ROSTER_DATA_DIR", &data).spawn()?, port, data };
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if Instant::now() > end {
                return Err("the server does not listen".into());
            }
            sleep(Duration::from_millis(10));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Dead already, or gone already: nothing is left to be done.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.data);
    }
}
