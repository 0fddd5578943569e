//! Sockets of disconnected clients are released: their number does not grow with the number of past clients.

use crate::new_person;
use acceptance::process::{Folder, until};
use std::fs;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// The number of clients in a round, for each way to hang up.
const CLIENTS: usize = 40;
const ROUNDS: usize = 5;
/// Shorter than any timeout after which the server closes a connection.
const PATIENCE: Duration = Duration::from_secs(8);

/// The number of open sockets of a process, from Linux' `/proc`.
fn sockets(process: u32) -> usize {
    let open = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let targets = open.filter_map(|open| fs::read_link(open.ok()?.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

#[tokio::test]
async fn resources_of_disconnected_clients_are_released() {
    let folder = Folder::new();
    let server = folder.roster(&[]).set("ROSTER_BCRYPT_COST", "15").set("ROSTER_LIMITS", "off").serve().await;
    let alone = sockets(server.id());
    let mut last = serde_json::Value::Null;
    // More than the workers can hash in time, so a request for the last command has to wait.
    for _ in 0..CLIENTS {
        last = server.sign_up(&[], &new_person()).await.json();
    }
    let (command, user) = (last["id"].as_str().unwrap(), last["target"]["id"].as_str().unwrap());
    let left_behind = [
        "POST /users HTTP/1.1\r\nhost: local".to_owned(),
        "POST /users HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"
            .to_owned(),
        format!("GET /users/{user} HTTP/1.1\r\nhost: localhost\r\nprefer: wait=30\r\n\r\n"),
        format!("GET /commands/{command}/events HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    ];
    for round in 0..ROUNDS {
        let mut open = Vec::new();
        for begun in left_behind.iter().cycle().take(CLIENTS * left_behind.len()) {
            let mut connection = TcpStream::connect(server.at()).await.unwrap();
            connection.write_all(begun.as_bytes()).await.unwrap();
            open.push(connection);
        }
        until(PATIENCE, "client of everybody", async || (sockets(server.id()) == alone + open.len()).then_some(()))
            .await;
        drop(open);
        until(PATIENCE, "end of all connections", async || (sockets(server.id()) == alone).then_some(())).await;
        let pending = server.get(&format!("/commands/{command}")).await.json();
        assert!(matches!(pending["status"].as_str(), Some("accepted" | "running")), "in round {round}: {pending}");
    }
}
