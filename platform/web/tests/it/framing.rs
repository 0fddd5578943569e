//! Message framing, most of which hyper checks before any middleware: a proxy and the service must agree about where a
//! request ends (request smuggling; RFC 9112, section 11.2).

use crate::server::{Answer, Server};
use axum::{Router, routing::post};

/// A server that echoes the body of a POST.
async fn server() -> Server {
    Server::start(Router::new().route("/", post(async |body: String| body).get(async || "got"))).await
}

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn chunked_wins_over_a_length_and_the_connection_is_closed() {
    let server = server().await;
    for fields in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
    ] {
        let mut client = server.connect().await;
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n");
        client.send(format!("{head}5\r\nhello\r\n0\r\n\r\n{SMUGGLED}")).await;
        let all = client.rest().await;
        let answer = Answer::parse(&all);
        assert_eq!((answer.status(), answer.body.as_str()), (200, "hello"), "{fields}: one answer, and the end");
    }
}

#[tokio::test]
async fn framing_that_can_be_read_in_two_ways_is_refused() {
    let server = server().await;
    for fields in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 4",
        "Content-Length: +3",
        "Content-Length: 0x3",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
        "X: a\r\n folded: b",
        "X: a\rb",
        "X: a\0b",
        "X\0: a",
        "X y: a",
        ": a",
    ] {
        let mut client = server.connect().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\nabc{SMUGGLED}")).await;
        let all = client.rest().await;
        assert_eq!(all.matches("HTTP/1.1").count(), 1, "{fields}: {all}");
        assert_eq!(Answer::parse(&all).status(), 400, "{fields}");
    }
}

#[tokio::test]
async fn an_unsupported_transfer_coding_is_rejected_and_the_connection_is_closed() {
    let server = server().await;
    for fields in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked,chunked",
        "Transfer-Encoding: , chunked",
        "Transfer-Encoding: \t,\tchunked",
        "Transfer-Encoding: x\"y, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding:\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nX: y\r\ntransfer-encoding: CHUNKED",
        "Content-Length: 3\r\nTransfer-Encoding: deflate, chunked",
    ] {
        for method in ["POST", "GET", "DELETE"] {
            let mut client = server.connect().await;
            let head = format!("{method} / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n");
            client.send(format!("{head}5\r\nhello\r\n0\r\n\r\n{SMUGGLED}")).await;
            let all = client.rest().await;
            assert_eq!(all.matches("HTTP/1.1").count(), 1, "{method} {fields}: one answer, and the end: {all}");
            let answer = Answer::parse(&all);
            assert_eq!(answer.header("connection"), Some("close"), "{method} {fields}");
            assert_eq!(
                (answer.status(), answer.problem().as_str()),
                (501, "transfer_encoding_unsupported"),
                "{fields}"
            );
        }
    }
    // hyper rejects malformed codings; the spelling of `chunked` does not matter.
    for (coding, status) in [
        ("chunked", 200),
        ("CHUNKED", 200),
        ("\tchunked ", 200),
        ("chunked, gzip", 400),
        ("chunked;q=1", 400),
        ("xchunked", 400),
        ("chunked,", 400),
        ("", 400),
    ] {
        let mut client = server.connect().await;
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: {coding}\r\n\r\n");
        client.send(format!("{head}5\r\nhello\r\n0\r\n\r\n")).await;
        assert_eq!(Answer::parse(&client.rest().await).status(), status, "{coding:?}");
    }
    let mut client = server.connect().await;
    client.send("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n").await;
    assert_eq!(&client.rest().await[..12], "HTTP/1.1 400", "HTTP/1.0 has no transfer codings");
}

#[tokio::test]
async fn a_bare_line_feed_ends_a_line_and_nothing_else() {
    let server = server().await;
    let mut client = server.connect().await;
    client.send("POST / HTTP/1.1\nHost: x\nContent-Length: 3\nConnection: close\n\nabc").await;
    let all = client.rest().await;
    assert_eq!((Answer::parse(&all).status(), Answer::parse(&all).body.as_str()), (200, "abc"));
    let mut client = server.connect().await;
    client
        .send(format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n{SMUGGLED}"))
        .await;
    let all = client.rest().await;
    assert!(!all.contains("smuggled") && all.matches("HTTP/1.1").count() == 1, "a chunk needs CR and LF: {all}");
    assert_eq!(Answer::parse(&all).status(), 400);
}

#[tokio::test]
async fn requests_sent_together_are_answered_in_order() {
    let server = server().await;
    let mut client = server.connect().await;
    let post = |body: &str| format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    client
        .send(format!("{}{}GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", post("one"), post("second")))
        .await;
    assert_eq!(client.answer().await.body, "one");
    assert_eq!(client.answer().await.body, "second");
    assert_eq!(Answer::parse(&client.rest().await).body, "got");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = server().await;
    let many = "X: y\r\n".repeat(101);
    let large = format!("X: {}\r\n", "y".repeat(33 * 1024));
    for fields in [many, large] {
        let answer = server.ask(format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n")).await;
        assert_eq!((answer.status(), answer.body.as_str()), (431, ""));
    }
}

#[tokio::test]
async fn bytes_that_are_not_http_are_rejected() {
    let server = server().await;
    for bytes in ["hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1 x\r\n\r\n", "G\x01T / HTTP/1.1\r\n\r\n"] {
        let mut client = server.connect().await;
        client.send(bytes).await;
        let all = client.rest().await;
        assert!(all.is_empty() || Answer::parse(&all).status() == 400, "{bytes}: {all}");
    }
}
