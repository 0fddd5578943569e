//! The share of one client in event streams and in requests that wait for an outcome.

use acceptance::{Node, Person, Request, World, in_each_idle_world};
use identity::UserId;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

in_each_idle_world! {
    one_client_has_fifty_streams_and_waits_and_leaves_the_rest_to_others,
}

const SHARE: usize = 50;

fn from(request: Request, client: &str) -> Request {
    request.header("X-Forwarded-For", client)
}

/// Opens a stream that lasts as long as the connection.
async fn open_stream(node: &Node, events: &str, client: &str) -> TcpStream {
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let head = format!("GET {events} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {client}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut begun = Vec::new();
    while !begun.windows(6).any(|it| it == b"data: ") {
        let byte = timeout(Duration::from_secs(30), stream.read_u8()).await.unwrap();
        begun.push(byte.unwrap_or_else(|_| panic!("it ended: {:?}", String::from_utf8_lossy(&begun))));
    }
    assert!(begun.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&begun));
    stream
}

async fn one_client_has_fifty_streams_and_waits_and_leaves_the_rest_to_others(world: &World) {
    world.leaves_work();
    let node = world.limited_node("127.0.0.1").await;
    let (greedy, other) = ("192.0.2.1", "192.0.2.2");
    let person = Person::new("ada@example.org").with_id(UserId::random().as_uuid());
    let accepted = node.send(&from(person.sign_up(), other)).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let events = format!("{}/events", accepted.header("location").unwrap());
    let user = format!("/users/{}", person.id.unwrap());
    let mut streams = Vec::new();
    for _ in 0..SHARE {
        streams.push(open_stream(&node, &events, greedy).await);
    }

    let refused = node.send(&from(Request::get(&events), greedy)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too_many_requests"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("5"));
    let begun = Instant::now();
    let promise = node.send(&from(Person::new("bob@example.org").sign_up().wait(20), greedy)).await;
    assert_eq!((promise.status, promise.header("preference-applied")), (202, None), "{promise:?}");
    let absent = node.send(&from(Request::get(&user).wait(20), greedy)).await;
    assert_eq!((absent.status, absent.header("preference-applied")), (404, None), "{absent:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "neither waits");
    assert_eq!(node.send(&from(Request::get(&user), greedy)).await.status, 404, "requests that do not wait are served");

    let theirs = open_stream(&node, &events, other).await;
    let begun = Instant::now();
    let waited = node.send(&from(Request::get(&user).wait(1), other)).await;
    assert_eq!(waited.status, 404);
    assert!(begun.elapsed() >= Duration::from_secs(1), "another client waits as it asked to");
    let waited = node.send(&from(Person::new("eve@example.org").sign_up().wait(1), other)).await;
    assert_eq!((waited.status, waited.header("preference-applied")), (202, Some("wait=1")), "{waited:?}");
    drop(theirs);

    // All addresses of one IPv6 network count as one client.
    let mut network = Vec::new();
    for n in 0..SHARE {
        network.push(open_stream(&node, &events, &format!("2001:db8:0:1::{n:x}")).await);
    }
    let refused = node.send(&from(Request::get(&events), "2001:db8:0:1:ffff::1")).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    drop(network);

    streams.pop();
    let give_up = Instant::now() + Duration::from_secs(30);
    while !reopens(&node, &events, greedy).await {
        assert!(Instant::now() < give_up, "closed streams free their places");
    }
    drop(streams);
    node.stop().await;
}

async fn reopens(node: &Node, events: &str, client: &str) -> bool {
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let head = format!("GET {events} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {client}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).await.unwrap();
    &begun == b"HTTP/1.1 200"
}
