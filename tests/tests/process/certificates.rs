//! With TLS configured, Roster sends no credentials to a server without the right certificate.

use crate::{SOON, one_line};
use acceptance::process::{Folder, postgres, until};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, Stream};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

/// The host name of the server.
const NAME: &str = "localhost";
/// What a client sends before TLS, and what the server has to answer (PostgreSQL, "Message Formats", SSLRequest).
const OF_POSTGRES: (&[u8], &[u8]) = (&[0, 0, 0, 8, 4, 210, 22, 47], b"S");
const OF_AMQP: (&[u8], &[u8]) = (&[], &[]);

/// A TLS server with a self-made certificate.
struct Server {
    port: u16,
    certificate: PathBuf,
    /// What each client sent within TLS, or why its handshake failed.
    heard: Mutex<Receiver<Result<Vec<u8>, String>>>,
}

impl Server {
    fn start(folder: &Folder, name: &str, preamble: (&'static [u8], &'static [u8])) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
        let certificate = folder.path().join("certificate.pem");
        fs::write(&certificate, cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(vec![cert.der().clone()], key.into()).unwrap());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, heard) = mpsc::channel();
        thread::spawn(move || {
            for client in listener.incoming() {
                let _ = sender.send(listen(client.unwrap(), preamble, &config));
            }
        });
        Self { port, certificate, heard: Mutex::new(heard) }
    }

    /// The result of the next client's connection.
    async fn next_result(&self) -> Result<Vec<u8>, String> {
        until(SOON, "client", async || self.heard.lock().unwrap().try_recv().ok()).await
    }

    /// The first bytes that a client sends; connections without any are skipped.
    async fn next_bytes(&self) -> Vec<u8> {
        loop {
            if let Ok(bytes) = self.next_result().await {
                return bytes;
            }
        }
    }
}

fn listen(mut client: TcpStream, preamble: (&[u8], &[u8]), config: &Arc<ServerConfig>) -> Result<Vec<u8>, String> {
    let error = |error: std::io::Error| error.to_string();
    let mut asked = vec![0; preamble.0.len()];
    client.read_exact(&mut asked).map_err(error)?;
    assert_eq!(asked, preamble.0);
    client.write_all(preamble.1).map_err(error)?;
    let mut tls = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut bytes = vec![0; 1_024];
    let length = Stream::new(&mut tls, &mut client).read(&mut bytes).map_err(error)?;
    bytes.truncate(length);
    Ok(bytes)
}

#[tokio::test]
async fn no_credentials_are_sent_to_a_database_with_a_wrong_certificate() {
    for name in [NAME, "elsewhere.example"] {
        let folder = Folder::new();
        let server = Server::start(&folder, name, OF_POSTGRES);
        let url = format!("postgres://tester:canary@{NAME}:{}/roster?sslmode=verify-full", server.port);
        let trusting = format!("{url}&sslrootcert={}", server.certificate.display());
        // An unknown issuer; or a trusted certificate of another server.
        let wrong = if name == NAME { &url } else { &trusting };
        let refused = folder.roster(&[]).set("DATABASE_URL", wrong).run(SOON).await;
        let line = one_line(&refused);
        assert!(line.contains("certificate") && !line.contains("canary"), "{name}: {line}");
        assert!(server.next_result().await.is_err(), "{name}");
        if name == NAME {
            let _process = folder.roster(&[]).set("DATABASE_URL", trusting).start();
            let bytes = server.next_bytes().await;
            assert!(
                String::from_utf8_lossy(&bytes).contains("tester"),
                "the right server gets the user name: {bytes:?}"
            );
        }
    }
}

/// ASVS 12.3.4
#[tokio::test]
async fn a_ca_that_is_named_for_the_database_is_trusted_in_place_of_those_of_the_system() {
    let folder = Folder::new();
    let server = Server::start(&folder, NAME, OF_POSTGRES);
    let other = folder.path().join("other.pem");
    fs::write(&other, generate_simple_self_signed([NAME.to_owned()]).unwrap().cert.pem()).unwrap();
    let url = format!("postgres://tester:canary@{NAME}:{}/roster?sslmode=verify-full", server.port);
    let roster = folder.roster(&[]).set("SSL_CERT_FILE", &server.certificate);
    let naming = |file: &PathBuf| format!("{url}&sslrootcert={}", file.display());
    let refused = roster.clone().set("DATABASE_URL", naming(&other)).run(SOON).await;
    let line = one_line(&refused);
    assert!(line.contains("certificate") && !line.contains("canary"), "{line}");
    assert!(server.next_result().await.is_err(), "the system trusts the server, and the URL does not");
    let none = roster.clone().set("SSL_CERT_FILE", "/nowhere").set("DATABASE_URL", &url).run(SOON).await;
    assert!(one_line(&none).contains("no root certificates"), "{none:?}");
    for url in [&url, &naming(&server.certificate)] {
        let _process = roster.clone().set("DATABASE_URL", url).start();
        assert!(String::from_utf8_lossy(&server.next_bytes().await).contains("tester"), "the system, or the URL");
    }
}

#[tokio::test]
async fn no_credentials_are_sent_to_a_database_without_tls_if_tls_is_required() {
    let folder = Folder::new();
    let (asked, no) = (OF_POSTGRES.0, b"N");
    let server = Server::start(&folder, NAME, (asked, no));
    let url = format!("postgres://tester:canary@{NAME}:{}/roster?sslmode=require", server.port);
    let refused = folder.roster(&[]).set("DATABASE_URL", url).run(SOON).await;
    let line = one_line(&refused);
    assert!(line.contains("TLS") && line.contains("sslmode") && !line.contains("canary"), "{line}");
    assert!(server.next_result().await.is_err());
}

#[tokio::test]
async fn no_credentials_are_sent_to_a_broker_with_a_wrong_certificate() {
    for name in [NAME, "elsewhere.example"] {
        let Some(database) = postgres().await else { return };
        let folder = Folder::new();
        let server = Server::start(&folder, name, OF_AMQP);
        let roster = folder.roster(&[]).set("DATABASE_URL", &database).hashing_fast();
        let roster = roster.set("AMQP_URL", format!("amqps://tester:canary@{NAME}:{}", server.port));
        let trusting = roster.clone().set("SSL_CERT_FILE", &server.certificate);
        let wrong = if name == NAME { &roster } else { &trusting };
        let process = wrong.serve().await;
        assert!(server.next_result().await.is_err(), "{name}");
        until(SOON, "warning", async || process.stderr().contains("certificate").then_some(())).await;
        assert!(!process.stderr().contains("canary"), "{}", process.stderr());
        drop(process);
        if name == NAME {
            let _process = trusting.start();
            let bytes = server.next_bytes().await;
            assert_eq!(bytes, b"AMQP\0\0\x09\x01", "the right server gets the protocol header");
        }
    }
}
