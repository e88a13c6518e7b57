//! The server on real sockets: slow clients, large requests, many connections, and shutdown.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use std::net::SocketAddr;
use std::time::Duration;

use fixture::Fixture;
use p2p_edge::{Connections, ServerSettings, TrustedProxies, serve};
use p2p_http::HttpSettings;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Fails a test that hangs.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A timeout that is meant to expire.
const SHORT_TIMEOUT: Duration = Duration::from_millis(200);

/// A timeout that never expires in a test.
const UNREACHED_TIMEOUT: Duration = Duration::from_secs(600);

/// A market on a socket.
struct Served {
    address: SocketAddr,
    connections: Connections,
    serving: JoinHandle<()>,
    fixture: Fixture,
}

/// Settings whose timeouts never expire in a test.
fn with_long_timeouts() -> ServerSettings {
    ServerSettings {
        header_timeout: UNREACHED_TIMEOUT,
        idle_timeout: UNREACHED_TIMEOUT,
        ..ServerSettings::default()
    }
}

impl Served {
    async fn start(server: ServerSettings) -> Self {
        Self::under(server, UNREACHED_TIMEOUT).await
    }

    async fn under(server: ServerSettings, body_timeout: Duration) -> Self {
        let settings = HttpSettings {
            request_timeout: UNREACHED_TIMEOUT,
            body_timeout,
            ..HttpSettings::default()
        };
        let fixture = Fixture::open(settings);
        let (connections, stop) = (
            fixture.state.connections.clone(),
            fixture.state.stop.clone(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = fixture.api.clone();
        let serving = serve(listener, router, server, connections.clone(), stop);
        Self {
            address,
            connections,
            serving: tokio::spawn(serving),
            fixture,
        }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Waits until this many connections are open.
    async fn until_open(&self, count: usize) {
        let so_many = async {
            while self.connections.open() != count {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(TEST_TIMEOUT, so_many).await.unwrap();
    }

    /// Asserts that a well-behaved client is still served.
    async fn still_serves(&self) {
        assert_eq!(self.connect().await.get("/healthz").await.status, 200);
    }
}

struct Client(TcpStream);

/// The status, the raw headers and the body of a response.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Value,
}

impl Reply {
    #[track_caller]
    fn is_problem(&self, status: u16, code: &str) {
        let found = (self.status, self.body["code"].as_str());
        assert_eq!(found, (status, Some(code)), "{self:?}");
        assert!(self.has("content-type: application/problem+json"));
        assert!(self.has("x-content-type-options: nosniff"));
    }

    fn has(&self, line: &str) -> bool {
        self.head.lines().any(|one| one == line)
    }
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn get(&mut self, path: &str) -> Reply {
        let request = format!("GET {path} HTTP/1.1\r\nhost: market\r\n\r\n");
        self.send(&request).await;
        self.reply().await
    }

    /// Sends the head of a log-in.
    async fn begin(&mut self, length: &str) {
        self.send(&format!(
            "POST /api/auth/login HTTP/1.1\r\nhost: market\r\ncontent-type: application/json\r\n{length}\r\n\r\n"
        ))
        .await;
    }

    async fn reply(&mut self) -> Reply {
        timeout(TEST_TIMEOUT, self.read_reply()).await.unwrap()
    }

    async fn read_reply(&mut self) -> Reply {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(self.0.read_u8().await.unwrap());
        }
        let head = String::from_utf8(bytes).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).await.unwrap();
        Reply {
            status,
            head,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }

    /// Waits until the server closes the connection; returns what it has sent before.
    async fn closed(&mut self) -> String {
        let mut rest = Vec::new();
        // Bytes that arrive at a closed socket cause a reset: an error, but an end too.
        let _ = timeout(TEST_TIMEOUT, self.0.read_to_end(&mut rest))
            .await
            .unwrap();
        String::from_utf8(rest).unwrap()
    }

    /// Sends single bytes until the server closes the connection; returns what it has sent meanwhile.
    async fn drip(mut self) -> String {
        let (mut reading, mut writing) = self.0.split();
        let drip = async {
            while writing.write_all(b"x").await.is_ok() {
                sleep(SHORT_TIMEOUT / 20).await;
            }
            std::future::pending::<()>().await;
        };
        let mut rest = Vec::new();
        let ended = async {
            tokio::select! {
                () = drip => {}
                _ = reading.read_to_end(&mut rest) => {}
            }
        };
        timeout(TEST_TIMEOUT, ended).await.unwrap();
        String::from_utf8(rest).unwrap()
    }
}

const HALF_A_HEAD: &str = "GET /healthz HTTP/1.1\r\nhost: market\r\nx: ";

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let served = Served::start(ServerSettings {
        header_timeout: SHORT_TIMEOUT,
        ..with_long_timeouts()
    })
    .await;
    let mut regular = served.connect().await;
    assert_eq!(regular.get("/healthz").await.status, 200);
    for begins in ["", "\r\n", "P", HALF_A_HEAD] {
        let mut slow = served.connect().await;
        slow.send(begins).await;
        assert_eq!(slow.closed().await, "", "{begins:?}");
    }
    let mut dripping = served.connect().await;
    dripping.send(HALF_A_HEAD).await;
    assert_eq!(dripping.drip().await, "");
    // A connection that has sent a request is not affected.
    assert_eq!(regular.get("/healthz").await.status, 200);
    served.until_open(1).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let served = Served::start(ServerSettings {
        idle_timeout: SHORT_TIMEOUT,
        ..with_long_timeouts()
    })
    .await;
    for goes_on in ["", "GET /healthz HTTP/1.1\r\n", HALF_A_HEAD] {
        let mut client = served.connect().await;
        assert_eq!(client.get("/healthz").await.status, 200);
        client.send(goes_on).await;
        assert_eq!(client.closed().await, "", "{goes_on:?}");
    }
    let mut dripping = served.connect().await;
    assert_eq!(dripping.get("/healthz").await.status, 200);
    dripping.send(HALF_A_HEAD).await;
    assert_eq!(dripping.drip().await, "");
    served.until_open(0).await;
}

#[tokio::test]
async fn a_connection_with_a_stream_is_not_idle() {
    let served = Served::start(ServerSettings {
        header_timeout: SHORT_TIMEOUT,
        idle_timeout: SHORT_TIMEOUT,
        ..ServerSettings::default()
    })
    .await;
    let anna = served.fixture.anna().await;
    let mut stream = served.connect().await;
    let token = &anna.token;
    stream
        .send(&format!(
            "GET /api/events HTTP/1.1\r\nhost: market\r\nauthorization: Bearer {token}\r\n\r\n"
        ))
        .await;
    assert_eq!(stream.reply().await.status, 200);
    // Meanwhile other connections end by the idle timeout.
    for _ in 0..3 {
        let mut client = served.connect().await;
        assert_eq!(client.get("/healthz").await.status, 200);
        assert_eq!(client.closed().await, "");
    }
    served.fixture.notify(&anna, 1).await;
    let mut seen = String::new();
    while !seen.contains("ExchangerUnfrozen") {
        let mut bytes = [0; 1024];
        let count = timeout(TEST_TIMEOUT, stream.0.read(&mut bytes))
            .await
            .unwrap();
        let count = count.unwrap();
        assert_ne!(count, 0, "{seen}");
        seen.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    served.until_open(1).await;
    drop(stream);
    served.until_open(0).await;
}

#[tokio::test]
async fn a_slow_body_times_out() {
    let served = Served::under(with_long_timeouts(), SHORT_TIMEOUT).await;
    for (length, some) in [
        ("content-length: 50", ""),
        ("content-length: 50", "{\"email\": "),
        ("transfer-encoding: chunked", ""),
        ("transfer-encoding: chunked", "5\r\n{\"ema\r\n"),
        ("transfer-encoding: chunked", "5\r\n{\"e"),
    ] {
        let mut slow = served.connect().await;
        slow.begin(length).await;
        slow.send(some).await;
        let reply = slow.reply().await;
        reply.is_problem(408, "REQUEST_TIMEOUT");
        assert!(reply.has("connection: close"), "{reply:?}");
        assert_eq!(slow.closed().await, "");
    }
    for length in ["content-length: 60000", "transfer-encoding: chunked"] {
        let mut dripping = served.connect().await;
        dripping.begin(length).await;
        if length.ends_with("chunked") {
            dripping.send("ea60\r\n").await;
        }
        let reply = dripping.drip().await;
        assert!(
            reply.is_empty() || reply.starts_with("HTTP/1.1 408 "),
            "{reply}"
        );
    }
    served.until_open(0).await;
    served.still_serves().await;
}

#[tokio::test]
async fn too_large_bodies_are_refused() {
    let served = Served::start(with_long_timeouts()).await;
    // By the announced length.
    for length in ["65537", "1000000000000"] {
        let mut declared = served.connect().await;
        declared.begin(&format!("content-length: {length}")).await;
        let reply = declared.reply().await;
        reply.is_problem(413, "PAYLOAD_TOO_LARGE");
        assert!(reply.has("connection: close"), "{reply:?}");
        assert_eq!(declared.closed().await, "");
    }
    // By the length of the received body.
    let mut chunked = served.connect().await;
    chunked.begin("transfer-encoding: chunked").await;
    let piece = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    for _ in 0..4 {
        chunked.send(&piece).await;
    }
    chunked.send("1\r\n \r\n").await;
    let reply = chunked.reply().await;
    reply.is_problem(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(chunked.closed().await, "");
    // The largest body that is allowed.
    let mut most = served.connect().await;
    most.begin("content-length: 65536").await;
    most.send(&" ".repeat(65_536)).await;
    most.reply().await.is_problem(400, "MALFORMED_JSON");
    assert_eq!(most.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_client_that_sends_far_too_much_gets_a_413() {
    let served = Served::start(with_long_timeouts()).await;
    for length in ["content-length: 8388608", "transfer-encoding: chunked"] {
        let mut client = served.connect().await;
        client.begin(length).await;
        let (mut reading, mut writing) = client.0.split();
        let piece = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
        let (mut reply, mut sent) = ([0; 12], 0);
        let (read, ()) = timeout(TEST_TIMEOUT, async {
            tokio::join!(reading.read_exact(&mut reply), async {
                while sent < 128 && writing.write_all(piece.as_bytes()).await.is_ok() {
                    sent += 1;
                }
            })
        })
        .await
        .unwrap();
        read.unwrap();
        assert_eq!(&reply, b"HTTP/1.1 413", "{length}");
    }
    served.still_serves().await;
}

#[tokio::test]
async fn headers_that_are_too_many_or_too_large_are_refused() {
    let served = Served::start(with_long_timeouts()).await;
    let long = format!("x-long: {}\r\n", "x".repeat(33 * 1024));
    let many: String = (0..101)
        .map(|number| format!("x-{number}: 1\r\n"))
        .collect();
    for (path, headers) in [
        ("/healthz", long.as_str()),
        ("/healthz", &many),
        (&format!("/{}", "x".repeat(33 * 1024)), ""),
    ] {
        let mut client = served.connect().await;
        client
            .send(&format!("GET {path} HTTP/1.1\r\n{headers}\r\n"))
            .await;
        let reply = client.closed().await;
        assert!(reply.starts_with("HTTP/1.1 431 "), "{reply}");
    }
    let some = format!("x-long: {}\r\n", "x".repeat(30 * 1024));
    let mut client = served.connect().await;
    client
        .send(&format!("GET /healthz HTTP/1.1\r\n{some}\r\n"))
        .await;
    assert_eq!(client.reply().await.status, 200);
}

#[tokio::test]
async fn no_value_that_is_repeated_can_become_a_header() {
    let served = Served::start(with_long_timeouts()).await;
    // Line breaks of all kinds, plain and encoded, in a request id and in a path that is redirected.
    for (path, id) in [
        ("/healthz", "a\r\n x-injected: 1"),
        ("/healthz", "a\r x-injected: 1"),
        ("/healthz", "a\nx-injected: 1"),
        ("/healthz", "a%0d%0ax-injected:%201"),
        ("/healthz", "a\u{560d}\u{560a}x-injected: 1"),
        ("/swagger-ui%0d%0ax-injected:%201", "a"),
        ("/swagger-ui?%0d%0ax-injected:%201", "a"),
        ("//x-injected.example/swagger-ui", "a"),
    ] {
        let mut client = served.connect().await;
        client
            .send(&format!(
                "GET {path} HTTP/1.1\r\nhost: market\r\nconnection: close\r\nx-request-id: {id}\r\n\r\n"
            ))
            .await;
        let reply = client.closed().await;
        let (head, _) = reply.split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(!head.contains("x-injected"), "{path} {id:?}: {head}");
    }
    served.still_serves().await;
}

#[tokio::test]
async fn connections_of_one_address_are_limited() {
    let narrow = ServerSettings {
        max_connections_per_address: 2,
        ..with_long_timeouts()
    };
    let served = Served::start(narrow.clone()).await;
    let mut first = served.connect().await;
    let mut second = served.connect().await;
    assert_eq!(first.get("/healthz").await.status, 200);
    assert_eq!(second.get("/healthz").await.status, 200);
    for rejected in 1..=3 {
        let mut third = served.connect().await;
        assert_eq!(third.closed().await, "");
        assert_eq!(served.connections.rejected(), rejected);
    }
    let anna = served.fixture.anna().await;
    let text = served.fixture.get(&anna, "/metrics").await.text;
    assert!(text.contains("\np2p_http_connections 2\n"), "{text}");
    let rejected = "\np2p_http_connections_turned_away_total 3\n";
    assert!(text.contains(rejected), "{text}");
    drop(second);
    served.until_open(1).await;
    served.still_serves().await;
    // A trusted proxy, which serves many clients, may have more.
    let trusting = ServerSettings {
        trusted_proxies: TrustedProxies::parse(&["127.0.0.1"]).unwrap(),
        ..narrow
    };
    let served = Served::start(trusting).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        let mut client = served.connect().await;
        assert_eq!(client.get("/healthz").await.status, 200);
        held.push(client);
    }
    assert_eq!(served.connections.open(), 5);
}

#[tokio::test]
async fn connections_beyond_the_total_limit_wait() {
    let served = Served::start(ServerSettings {
        max_connections: 1,
        ..with_long_timeouts()
    })
    .await;
    let mut first = served.connect().await;
    assert_eq!(first.get("/healthz").await.status, 200);
    let mut second = served.connect().await;
    second
        .send("GET /healthz HTTP/1.1\r\nhost: market\r\n\r\n")
        .await;
    // The second connection is not accepted while the first is open.
    for _ in 0..3 {
        assert_eq!(first.get("/healthz").await.status, 200);
        assert_eq!(served.connections.open(), 1);
    }
    drop(first);
    assert_eq!(second.reply().await.status, 200);
}

#[tokio::test]
async fn requests_in_progress_are_served_before_shutdown() {
    let served = Served::start(with_long_timeouts()).await;
    let mut idle = served.connect().await;
    assert_eq!(idle.get("/healthz").await.status, 200);
    let mut silent = served.connect().await;
    let mut busy = served.connect().await;
    busy.begin("content-length: 2\r\nexpect: 100-continue")
        .await;
    // The request has begun: the server asks for its body.
    assert_eq!(busy.reply().await.status, 100);
    served.until_open(3).await;
    served.fixture.state.stop.cancel();
    assert_eq!(idle.closed().await, "");
    assert_eq!(silent.closed().await, "");
    served.until_open(1).await;
    assert!(!served.serving.is_finished());
    assert!(TcpStream::connect(served.address).await.is_err());
    busy.send("{}").await;
    let reply = busy.reply().await;
    reply.is_problem(422, "MISSING_FIELD");
    assert!(reply.has("connection: close"), "{reply:?}");
    assert_eq!(busy.closed().await, "");
    timeout(TEST_TIMEOUT, served.serving)
        .await
        .unwrap()
        .unwrap();
}
