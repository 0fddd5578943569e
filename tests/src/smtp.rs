//! A mail server for tests, which speaks SMTP (RFC 5321) and misbehaves when asked to.

#![expect(clippy::expect_used, reason = "a step that does not work fails the test")]

use mail_parser::MessageParser;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What the server does with one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpBehaviour {
    /// Takes the mail.
    Accept,
    /// Answers the greeting with this reply.
    Greeting(&'static str),
    /// Answers the recipient with this reply.
    Recipient(&'static str),
    /// Answers the content with this reply.
    Content(&'static str),
    /// Says nothing at all.
    Silent,
    /// Takes the content, and closes the connection without a reply.
    CutAfterContent,
    /// Takes the mail, and answers nothing after its reply.
    SilentAfterReply,
    /// Takes the content, and replies once the test calls [`SmtpServer::let_go`].
    Hold,
}

/// A mail that the server has received.
#[derive(Debug, Clone)]
pub struct ReceivedMail {
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// The whole message with its headers.
    pub raw: String,
    pub message_id: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// Whether it came over TLS.
    pub encrypted: bool,
    /// The user that the client signed in as, with the password: `user:password`.
    pub credentials: Option<String>,
}

impl ReceivedMail {
    /// The token in the mail's link.
    #[must_use]
    pub fn token(&self) -> String {
        token_in(&self.text)
    }
}

/// The token in the link of a mail's text.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn token_in(text: &str) -> String {
    let (_, rest) = text.split_once("token=").expect("a link with a token");
    rest.split_whitespace().next().expect("a token").to_owned()
}

/// The server. It stops when the test process ends.
pub struct SmtpServer {
    pub port: u16,
    /// The certificate, if the server offers STARTTLS.
    pub certificate: Option<String>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    mails: Mutex<Vec<ReceivedMail>>,
    script: Mutex<VecDeque<SmtpBehaviour>>,
    otherwise: Mutex<Option<SmtpBehaviour>>,
    connections: Mutex<usize>,
    farewells: Mutex<usize>,
    /// How often held clients were let go.
    releases: Mutex<usize>,
    released: Condvar,
}

impl SmtpServer {
    /// Starts a server without TLS.
    #[must_use]
    pub fn start() -> Self {
        Self::listen(None)
    }

    /// Starts a server that offers STARTTLS with a self-made certificate for this name.
    #[must_use]
    pub fn start_with_tls(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("TLS").with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key.into()).expect("a certificate");
        Self { certificate: Some(made.cert.pem()), ..Self::listen(Some(Arc::new(config))) }
    }

    fn listen(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::<Shared>::default();
        let of_clients = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (shared, tls) = (Arc::clone(&of_clients), tls.clone());
                thread::spawn(move || serve(client, &shared, tls));
            }
        });
        Self { port, certificate: None, shared }
    }

    /// The URL for `ROSTER_MAIL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://localhost:{}", self.port)
    }

    /// The behaviour at the next connections, in this order; then the usual one again.
    pub fn next(&self, behaviours: &[SmtpBehaviour]) {
        lock(&self.shared.script).extend(behaviours);
    }

    /// The usual behaviour from now on.
    pub fn always(&self, behaviour: SmtpBehaviour) {
        *lock(&self.shared.otherwise) = Some(behaviour);
    }

    /// All mails so far.
    #[must_use]
    pub fn mails(&self) -> Vec<ReceivedMail> {
        lock(&self.shared.mails).clone()
    }

    /// Replies to the clients that are held now.
    pub fn let_go(&self) {
        *lock(&self.shared.releases) += 1;
        self.shared.released.notify_all();
    }

    /// How many clients have said QUIT: they have read the reply to their mail.
    #[must_use]
    pub fn farewells(&self) -> usize {
        *lock(&self.shared.farewells)
    }

    /// How many clients have connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        *lock(&self.shared.connections)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(client: TcpStream, shared: &Shared, tls: Option<Arc<ServerConfig>>) {
    *lock(&shared.connections) += 1;
    let behaviour = lock(&shared.script).pop_front();
    let behaviour = behaviour.or(*lock(&shared.otherwise)).unwrap_or(SmtpBehaviour::Accept);
    let _ = client.set_read_timeout(Some(Duration::from_secs(120)));
    let mut session = Session { shared, behaviour, to: Vec::new(), encrypted: false, credentials: None };
    // A client that hangs up ends its thread.
    let _ = session.run(client, tls);
}

struct Session<'a> {
    shared: &'a Shared,
    behaviour: SmtpBehaviour,
    to: Vec<String>,
    encrypted: bool,
    credentials: Option<String>,
}

impl Session<'_> {
    fn run(&mut self, mut client: TcpStream, tls: Option<Arc<ServerConfig>>) -> std::io::Result<()> {
        match self.behaviour {
            SmtpBehaviour::Silent => {
                client.read_to_end(&mut Vec::new())?;
                return Ok(());
            }
            SmtpBehaviour::Greeting(reply) => return client.write_all(format!("{reply}\r\n").as_bytes()),
            _ => client.write_all(b"220 test ESMTP\r\n")?,
        }
        let mut plain = BufReader::new(client);
        if self.talk(&mut plain, tls.is_some())?
            && let Some(config) = tls
        {
            let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
            self.encrypted = true;
            self.talk(&mut BufReader::new(StreamOwned::new(connection, plain.into_inner())), false)?;
        }
        Ok(())
    }

    /// Answers commands. Returns whether the client has asked for TLS.
    fn talk<S: Read + Write>(&mut self, stream: &mut BufReader<S>, offers_tls: bool) -> std::io::Result<bool> {
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(false);
            }
            let line = line.trim_end();
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let reply = match &*verb {
                "EHLO" if offers_tls => "250-test\r\n250 STARTTLS",
                "EHLO" => "250-test\r\n250 AUTH PLAIN",
                "STARTTLS" => {
                    stream.get_mut().write_all(b"220 go ahead\r\n")?;
                    return Ok(true);
                }
                "AUTH" => {
                    self.credentials = line.rsplit(' ').next().and_then(plain_credentials);
                    "235 welcome"
                }
                "RCPT" => match self.behaviour {
                    SmtpBehaviour::Recipient(reply) => reply,
                    _ => {
                        self.to.push(line.split(['<', '>']).nth(1).unwrap_or_default().to_owned());
                        "250 ok"
                    }
                },
                "DATA" => {
                    stream.get_mut().write_all(b"354 go on\r\n")?;
                    let raw = content(stream)?;
                    match self.behaviour {
                        SmtpBehaviour::Content(reply) => reply,
                        behaviour => {
                            let releases = *lock(&self.shared.releases);
                            self.receive(raw);
                            match behaviour {
                                SmtpBehaviour::CutAfterContent => return Ok(false),
                                SmtpBehaviour::Hold => self.wait_for_release_after(releases),
                                _ => {}
                            }
                            "250 2.0.0 taken"
                        }
                    }
                }
                "QUIT" if self.behaviour == SmtpBehaviour::SilentAfterReply => {
                    stream.read_to_end(&mut Vec::new())?;
                    return Ok(false);
                }
                "QUIT" => {
                    *lock(&self.shared.farewells) += 1;
                    stream.get_mut().write_all(b"221 bye\r\n")?;
                    return Ok(false);
                }
                _ => "250 ok",
            };
            stream.get_mut().write_all(format!("{reply}\r\n").as_bytes())?;
        }
    }

    fn wait_for_release_after(&self, releases: usize) {
        let held = lock(&self.shared.releases);
        let waited = self.shared.released.wait_while(held, |now| *now == releases);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn receive(&mut self, raw: String) {
        let parsed = MessageParser::default().parse(raw.as_bytes()).expect("a mail");
        let mail = ReceivedMail {
            to: std::mem::take(&mut self.to),
            message_id: parsed.message_id().unwrap_or_default().to_owned(),
            subject: parsed.subject().unwrap_or_default().to_owned(),
            text: parsed.body_text(0).unwrap_or_default().into_owned(),
            html: parsed.body_html(0).unwrap_or_default().into_owned(),
            encrypted: self.encrypted,
            credentials: self.credentials.clone(),
            raw,
        };
        lock(&self.shared.mails).push(mail);
    }
}

/// Reads up to the line with a single dot (RFC 5321, section 4.5.2).
fn content(stream: &mut impl std::io::BufRead) -> std::io::Result<String> {
    let mut content = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end_matches(['\r', '\n']) {
            "." => return Ok(content),
            _ => content.push_str(line.strip_prefix('.').unwrap_or(&line)),
        }
    }
}

/// The credentials of `AUTH PLAIN` (RFC 4616).
fn plain_credentials(text: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::prelude::BASE64_STANDARD.decode(text).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut parts = text.split('\0').skip(1);
    Some(format!("{}:{}", parts.next()?, parts.next()?))
}
