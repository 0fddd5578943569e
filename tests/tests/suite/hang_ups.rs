//! Clients that hang up: their requests run to the end, and are recorded in the audit log.

use acceptance::{Node, Person, World, in_each_world, logs};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

in_each_world! {
    a_wrong_sign_in_whose_client_hangs_up_is_in_the_audit_log_and_its_address_in_the_log,
    a_session_whose_tokens_reach_no_client_is_ended,
    a_wrong_password_for_a_change_and_a_refusal_are_in_the_audit_log_although_the_client_hangs_up,
    a_stop_waits_for_requests_of_disconnected_clients,
}

const PROXY: &str = "127.0.0.1";

fn ada() -> Person {
    Person::new("ada@example.org")
}

/// Sends a request and closes the connection before the answer, once this many counters exist. Earlier, the server
/// might drop the request before it has begun. A server with too many sign-ins refuses it before it counts; then the
/// client comes again.
async fn leave(world: &World, node: &Node, counts: i64, path: &str, headers: &str, body: &Value) {
    let body = body.to_string();
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}");
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    loop {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        tokio::select! {
            () = world.until("select count(*) from web_limits", counts) => return,
            read = stream.read_exact(&mut start) => {
                read.unwrap();
                if start != *b"HTTP/1.1 503" {
                    return world.until("select count(*) from web_limits", counts).await;
                }
            }
        }
    }
}

/// Sends a sign-in and hangs up. The first one creates two counters, for the account and the address; each further one
/// creates one.
async fn leave_sign_in(world: &World, node: &Node, n: u8, password: &str) {
    let headers = format!("X-Forwarded-For: {}\r\n", address(node, n));
    let body = json!({ "email": "ada@example.org", "password": password });
    leave(world, node, i64::from(n) + 2, "/auth/login", &headers, &body).await;
}

/// The port tells the clients of this node from those of other tests, which write into the same log.
fn address(node: &Node, n: u8) -> String {
    let [high, low] = node.address.port().to_be_bytes();
    format!("203.{high}.{low}.{n}")
}

const REFUSED: &str = "select count(*) from auth_audit_events where action = 'sign_in' and outcome = 'refused'";

/// The number of counted guesses without an entry in the audit log. Each comes from an address of its own. A guess that
/// was refused as overloaded does not count.
async fn unrecorded(world: &World) -> i64 {
    let counted = "select cast((select count(*) from web_limits where empty_at > now()) - 1 - \
         (select count(*) from auth_audit_events where action = 'sign_in' and outcome = 'refused') as text)";
    let on_sqlite = "select cast((select count(*) from web_limits where empty_at > unixepoch('subsec') * 1000000) - 1 - \
         (select count(*) from auth_audit_events where action = 'sign_in' and outcome = 'refused') as text)";
    world.texts((counted, on_sqlite)).await[0].parse().unwrap()
}

/// Waits until each guess is in the audit log.
async fn recorded(world: &World) {
    let give_up = tokio::time::Instant::now() + acceptance::PATIENCE;
    while unrecorded(world).await != 0 {
        assert!(tokio::time::Instant::now() < give_up, "a guess without its record");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn a_wrong_sign_in_whose_client_hangs_up_is_in_the_audit_log_and_its_address_in_the_log(world: &World) {
    world.member(&ada()).await;
    let node = world.limited_node(PROXY).await;
    for n in 0..8 {
        leave_sign_in(world, &node, n, "another password, which is wrong").await;
    }
    recorded(world).await;
    let mut addresses =
        world.texts("select address from auth_audit_events where outcome = 'refused' order by address").await;
    addresses.dedup();
    let logs = logs();
    let hung_up: Vec<_> = logs.lines().filter(|line| line.contains("the client hung up")).collect();
    // The server may have sent an answer before it noticed that the client is gone.
    let client = |address: &String| format!("\"client\":\"{address}\"");
    assert!(
        addresses.iter().any(|address| hung_up.iter().any(|line| line.contains(&client(address)))),
        "{addresses:?}: {hung_up:?}"
    );
    node.stop().await;
}

async fn a_session_whose_tokens_reach_no_client_is_ended(world: &World) {
    let here = world.member(&ada()).await;
    let node = world.limited_node(PROXY).await;
    let ended = "select count(*) from auth_audit_events where action = 'sign_out'";
    let mut n = 0;
    // The server may have sent an answer before it noticed that the client is gone.
    while world.count(ended).await == 0 {
        assert!(n < 40, "no session has ended whose client was gone");
        leave_sign_in(world, &node, n, &ada().password).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        n += 1;
    }
    node.stop().await;
    assert!(world.knows(&here).await, "the one that is held goes on");
}

async fn a_wrong_password_for_a_change_and_a_refusal_are_in_the_audit_log_although_the_client_hangs_up(world: &World) {
    let here = world.member(&ada()).await;
    let node = world.limited_node(PROXY).await;
    let bearer = format!("Authorization: Bearer {}\r\n", here.access);
    let new = json!({ "name": "orders", "scope": "introspect" });
    leave(world, &node, 1, "/auth/service-keys", &bearer, &new).await;
    world.until("select count(*) from auth_audit_events where action = 'access'", 1).await;
    let body =
        json!({ "current_password": "another password, which is wrong", "new_password": "noch drei blaue Würfel" });
    leave(world, &node, 3, "/auth/password", &bearer, &body).await;
    world.until("select count(*) from auth_audit_events where action = 'password.change'", 1).await;
    node.stop().await;
}

async fn a_stop_waits_for_requests_of_disconnected_clients(world: &World) {
    let node = world.limited_node(PROXY).await;
    for n in 0..5 {
        leave_sign_in(world, &node, n, "whatever it is, it is wrong").await;
    }
    node.stop().await;
    assert_eq!(unrecorded(world).await, 0, "a guess without its record");
    assert!(world.count(REFUSED).await > 0);
}
