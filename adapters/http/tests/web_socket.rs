//! The WebSocket: authentication, messages, and the codes with which it is closed.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::serve::Listener;
use fixture::login::{LoggedIn, PASSWORD};
use fixture::{Fixture, Person, TOKEN_LIFETIME};
use futures::{SinkExt, StreamExt};
use p2p_application::limits::{Limits, Quotas};
use p2p_application::ports::Quota;
use p2p_domain::{Role, TypedId, UserId};
use p2p_http::{CorsOrigins, HttpSettings, StreamSettings};
use p2p_system::InProcessLimits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tower::ServiceExt;

const HOST: &str = "ws://market.example";

/// Connections in memory, so that time can be paused.
struct InMemoryListener(mpsc::Receiver<DuplexStream>);

impl Listener for InMemoryListener {
    type Io = DuplexStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (DuplexStream, SocketAddr) {
        match self.0.recv().await {
            Some(wire) => (wire, SocketAddr::from(([127, 0, 0, 1], 1))),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 1)))
    }
}

/// A market that is served.
struct Served {
    fixture: Fixture,
    wires: mpsc::Sender<DuplexStream>,
    serving: JoinHandle<std::io::Result<()>>,
}

/// How a client connects.
#[derive(Default)]
struct Options<'a> {
    path: &'a str,
    protocols: Vec<String>,
    origin: Option<&'a str>,
    /// The capacity of the connection in bytes; 0 for the default.
    wire: usize,
}

impl Options<'_> {
    /// With the token as a subprotocol.
    fn with_token(person: &Person) -> Self {
        Self {
            protocols: vec!["p2p.v1".into(), format!("bearer.{}", person.token)],
            ..Self::default()
        }
    }
}

impl Served {
    fn start(settings: HttpSettings) -> Self {
        Self::limited(settings, Quotas::default())
    }

    fn limited(settings: HttpSettings, quotas: Quotas) -> Self {
        let mut fixture = Fixture::open(settings.clone());
        let limiter = InProcessLimits::new(Arc::new(fixture.clock.clone()));
        fixture.state.limits = Limits::new(Arc::new(limiter), quotas);
        fixture.api = p2p_http::router(fixture.market.clone(), settings, fixture.state.clone());
        let (wires, accepted) = mpsc::channel(1);
        let stop = fixture.state.stop.clone();
        let serving = axum::serve(InMemoryListener(accepted), fixture.api.clone())
            .with_graceful_shutdown(async move { stop.cancelled().await });
        let serving = tokio::spawn(serving.into_future());
        Self {
            fixture,
            wires,
            serving,
        }
    }

    async fn connect(&self, opts: Options<'_>) -> Result<(Client, Response<()>), Error> {
        let path = if opts.path.is_empty() {
            "/api/ws"
        } else {
            opts.path
        };
        let mut request = ClientRequestBuilder::new(format!("{HOST}{path}").parse().unwrap());
        for protocol in opts.protocols {
            request = request.with_sub_protocol(protocol);
        }
        if let Some(origin) = opts.origin {
            request = request.with_header("Origin", origin);
        }
        let wire = if opts.wire == 0 { 64 * 1024 } else { opts.wire };
        let (near, far) = duplex(wire);
        self.wires.send(far).await.unwrap();
        let (socket, response) = tokio_tungstenite::client_async(request, near).await?;
        Ok((Client(socket), response.map(drop)))
    }

    /// The status and code with which an unauthenticated connection is refused.
    async fn refused(&self) -> (u16, String) {
        self.refusal_of(Options::default()).await
    }

    async fn refusal_of(&self, opts: Options<'_>) -> (u16, String) {
        match self.connect(opts).await {
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap();
                let body: Value = serde_json::from_slice(body).unwrap();
                let code = body["code"].as_str().unwrap().to_owned();
                (response.status().as_u16(), code)
            }
            other => panic!("{:?}", other.map(|(_, response)| response)),
        }
    }

    /// Connects without a token.
    async fn guest(&self) -> Client {
        self.connect(Options::default()).await.unwrap().0
    }

    /// With the token as a subprotocol.
    async fn connect_as(&self, person: &Person, path: &str) -> Client {
        let opts = Options {
            path,
            ..Options::with_token(person)
        };
        let (socket, response) = self.connect(opts).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "p2p.v1");
        socket
    }
}

struct Client(WebSocketStream<DuplexStream>);

impl Client {
    async fn say(&mut self, value: Value) {
        let text = value.to_string();
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next frame that is not a ping.
    async fn next(&mut self) -> Option<Message> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Ping(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next notification.
    async fn received(&mut self) -> Value {
        match self.next().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn connected(&mut self, id: u64) {
        let hello = json!({"id": id, "event": "connected", "data": {}});
        assert_eq!(self.received().await, hello);
    }

    async fn numbers(&mut self, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        for _ in 0..count {
            numbers.push(self.received().await["id"].as_u64().unwrap());
        }
        numbers
    }

    /// The code and the reason with which it is closed.
    #[track_caller]
    fn closed(mut self) -> impl Future<Output = (u16, String)> {
        let place = std::panic::Location::caller();
        async move {
            match self.next().await {
                Some(Message::Close(Some(frame))) => (frame.code.into(), frame.reason.to_string()),
                other => panic!("at {place}: {other:?}"),
            }
        }
    }
}

fn reason(code: u16, reason: &str) -> (u16, String) {
    (code, reason.to_owned())
}

#[tokio::test(start_paused = true)]
async fn the_token_comes_as_a_subprotocol() {
    let served = Served::start(HttpSettings::default());
    let anna = served.fixture.anna().await;
    served.fixture.notify(&anna, 2).await;
    let mut socket = served.connect_as(&anna, "").await;
    socket.connected(2).await;
    served.fixture.notify(&anna, 1).await;
    let frame = socket.received().await;
    let listed = served
        .fixture
        .get(&anna, "/api/notifications?limit=1")
        .await;
    let data = listed.good()["items"][0].clone();
    let expected = json!({"id": 3, "event": "ExchangerUnfrozen", "data": data});
    assert_eq!(frame, expected);
    let mut again = served.connect_as(&anna, "/api/ws?last_event_id=1").await;
    again.connected(1).await;
    assert_eq!(again.numbers(2).await, [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn the_token_comes_with_the_first_message() {
    let served = Served::start(HttpSettings::default());
    let anna = served.fixture.anna().await;
    served.fixture.notify(&anna, 3).await;
    let mut socket = served.guest().await;
    socket
        .say(json!({"token": anna.token, "last_event_id": 2}))
        .await;
    socket.connected(2).await;
    assert_eq!(socket.numbers(1).await, [3]);
    let mut socket = served.guest().await;
    socket.say(json!({"token": anna.token})).await;
    socket.connected(3).await;
    let opts = Options {
        protocols: vec!["p2p.v1".into()],
        ..Options::default()
    };
    let (mut socket, response) = served.connect(opts).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "p2p.v1");
    socket
        .say(json!({"token": anna.token, "last_event_id": null}))
        .await;
    socket.connected(3).await;
}

#[tokio::test(start_paused = true)]
async fn a_socket_without_a_valid_token_is_closed() {
    let served = Served::start(HttpSettings::default());
    let anna = served.fixture.anna().await;
    let forged = Person {
        id: anna.id,
        token: "forged".to_owned(),
    };
    let socket = served.connect_as(&forged, "").await;
    assert_eq!(socket.closed().await, reason(4401, "INVALID_TOKEN"));
    let mut socket = served.guest().await;
    socket.say(json!({"token": "forged"})).await;
    assert_eq!(socket.closed().await, reason(4401, "INVALID_TOKEN"));

    let began = Instant::now();
    let late = served.guest().await;
    assert_eq!(late.closed().await.0, 4408);
    assert_eq!(began.elapsed().as_secs(), 10);

    for nonsense in [
        json!({}),
        json!("hello"),
        json!({"token": 7}),
        json!({"token": anna.token, "surprise": 1}),
        json!({"token": anna.token, "last_event_id": -1}),
    ] {
        let mut socket = served.guest().await;
        socket.say(nonsense).await;
        assert_eq!(socket.closed().await.0, 1008);
    }
    let mut socket = served.guest().await;
    let bytes = json!({"token": anna.token}).to_string().into_bytes();
    socket.0.send(Message::binary(bytes)).await.unwrap();
    assert_eq!(socket.closed().await.0, 1008);

    served.fixture.clock.advance(TOKEN_LIFETIME);
    let socket = served.connect_as(&anna, "").await;
    assert_eq!(socket.closed().await, reason(4401, "TOKEN_EXPIRED"));
    served.fixture.drained().await;
}

#[tokio::test(start_paused = true)]
async fn messages_of_clients_are_few_and_short() {
    let served = Served::start(HttpSettings::default());
    let anna = served.fixture.anna().await;
    for length in [4 * 1024 + 1, 100 * 1024] {
        for message in [
            Message::text("x".repeat(length)),
            Message::binary(vec![7; length]),
        ] {
            let mut socket = served.guest().await;
            // The server may close the connection while the longest is being sent.
            let _ = socket.0.send(message.clone()).await;
            assert_eq!(socket.closed().await.0, 1009, "{length}");
            let mut socket = served.connect_as(&anna, "").await;
            socket.connected(0).await;
            let _ = socket.0.send(message).await;
            assert_eq!(socket.closed().await.0, 1009, "{length}");
        }
    }
    let mut socket = served.connect_as(&anna, "").await;
    socket.connected(0).await;
    socket.say(json!({"token": anna.token})).await;
    assert_eq!(socket.closed().await.0, 1008, "only one message is allowed");
    served.fixture.drained().await;
}

#[tokio::test(start_paused = true)]
async fn open_sockets_are_limited() {
    let settings = HttpSettings {
        streams: StreamSettings {
            per_user: 1,
            most: 2,
            ..StreamSettings::default()
        },
        ..HttpSettings::default()
    };
    let served = Served::start(settings);
    let anna = served.fixture.anna().await;
    let boris = served.fixture.person("boris", [Role::Customer]).await;
    let mut first = served.connect_as(&anna, "").await;
    first.connected(0).await;
    let socket = served.connect_as(&anna, "").await;
    assert_eq!(socket.closed().await, reason(4429, "TOO_MANY_STREAMS"));
    while served.fixture.state.streams.open() > 1 {
        sleep(Duration::from_millis(10)).await;
    }
    let mut second = served.connect_as(&boris, "").await;
    second.connected(0).await;
    assert_eq!(served.refused().await, (503, "NO_STREAM_LEFT".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn unauthenticated_sockets_leave_room_for_others() {
    let served = Served::start(HttpSettings {
        streams: StreamSettings {
            most: 30,
            ..StreamSettings::default()
        },
        ..HttpSettings::default()
    });
    let anna = served.fixture.anna().await;
    let mut silent = vec![];
    for _ in 0..16 {
        silent.push(served.guest().await);
    }
    assert_eq!(served.refused().await, (503, "NO_STREAM_LEFT".to_owned()));
    let mut socket = served.connect_as(&anna, "").await;
    socket.connected(0).await;
    let request = Request::get("/api/events");
    let request = request.header("authorization", format!("Bearer {}", anna.token));
    let request = request.body(Body::empty()).unwrap();
    let stream = served.fixture.api.clone().oneshot(request).await.unwrap();
    assert_eq!(stream.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn unauthenticated_sockets_are_limited_by_address() {
    let quotas = Quotas {
        stream: Quota::new(1, Duration::from_secs(1), 3),
        ..Quotas::default()
    };
    let served = Served::limited(HttpSettings::default(), quotas);
    let anna = served.fixture.anna().await;
    let anonymous = Person {
        id: UserId::from_u128(1),
        token: "nonsense".to_owned(),
    };
    let anonymous = served.connect_as(&anonymous, "").await;
    assert_eq!(anonymous.closed().await, reason(4401, "INVALID_TOKEN"));
    let _silent = [served.guest().await, served.guest().await];
    assert_eq!(served.refused().await, (429, "RATE_LIMITED".to_owned()));
    // Authenticated users have their own quota, and are refused by a close frame.
    let mut open = vec![];
    for _ in 0..3 {
        let mut socket = served.connect_as(&anna, "").await;
        socket.connected(0).await;
        open.push(socket);
    }
    let socket = served.connect_as(&anna, "").await;
    assert_eq!(socket.closed().await, reason(4429, "RATE_LIMITED"));
}

#[tokio::test(start_paused = true)]
async fn refusals_of_too_many_sockets_are_rate_limited() {
    let settings = HttpSettings {
        streams: StreamSettings {
            per_user: 1,
            ..StreamSettings::default()
        },
        ..HttpSettings::default()
    };
    let quotas = Quotas {
        stream: Quota::new(1, Duration::from_secs(1), 3),
        ..Quotas::default()
    };
    let served = Served::limited(settings, quotas);
    let anna = served.fixture.anna().await;
    let mut first = served.connect_as(&anna, "").await;
    first.connected(0).await;
    for _ in 0..2 {
        let socket = served.connect_as(&anna, "").await;
        assert_eq!(socket.closed().await, reason(4429, "TOO_MANY_STREAMS"));
    }
    let refusal = served.refusal_of(Options::with_token(&anna)).await;
    assert_eq!(refusal, (429, "RATE_LIMITED".to_owned()));
    // Other clients can still connect.
    let _silent = served.guest().await;
}

#[tokio::test(start_paused = true)]
async fn a_socket_ends_with_its_token_and_with_the_server() {
    let served = Served::start(HttpSettings::default());
    let anna = served.fixture.anna().await;
    let mut socket = served.connect_as(&anna, "").await;
    socket.connected(0).await;
    served.fixture.clock.advance(TOKEN_LIFETIME);
    served.fixture.notify(&anna, 1).await;
    assert_eq!(socket.closed().await, reason(4401, "TOKEN_EXPIRED"));

    let boris = served.fixture.person("boris", [Role::Customer]).await;
    let mut entered = served.connect_as(&boris, "").await;
    entered.connected(0).await;
    let silent = served.guest().await;
    served.fixture.state.stop.cancel();
    assert_eq!(entered.closed().await.0, 1001);
    assert_eq!(silent.closed().await.0, 1001);
    assert!(served.fixture.drained().await < Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_socket_ends_with_its_session() {
    let served = Served::start(HttpSettings::default());
    let fixture = &served.fixture;
    let quiet = fixture.newcomer("ada").await;
    let busy = LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
    let other = LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
    let mut sockets = Vec::new();
    for session in [&quiet, &busy, &other] {
        let mut socket = served.connect_as(&session.person, "").await;
        socket.connected(0).await;
        sockets.push(socket);
    }
    let [quiet_socket, busy_socket, mut other_socket] = sockets.try_into().ok().unwrap();
    let logout = "/api/auth/logout";
    fixture.post(&busy.person, logout, Value::Null).await.good();
    // Nothing more is sent after the log-out.
    fixture.notify(&busy.person, 1).await;
    assert_eq!(busy_socket.closed().await, reason(4401, "SESSION_OVER"));
    assert_eq!(other_socket.numbers(1).await, [1]);
    let began = Instant::now();
    fixture
        .delete(&other.person, "/api/auth/sessions")
        .await
        .good();
    let mut quiet_socket = quiet_socket;
    assert_eq!(quiet_socket.numbers(1).await, [1]);
    assert_eq!(quiet_socket.closed().await, reason(4401, "SESSION_OVER"));
    assert!(began.elapsed() < Duration::from_secs(60));
    let socket = served.connect_as(&quiet.person, "").await;
    assert_eq!(socket.closed().await, reason(4401, "SESSION_OVER"));
    fixture.notify(&other.person, 1).await;
    assert_eq!(other_socket.numbers(1).await, [2]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_pings_is_dropped() {
    let served = Served::start(HttpSettings::default());
    let anna = served.fixture.anna().await;
    let mut lively = served.connect_as(&anna, "").await;
    lively.connected(0).await;
    let mut dead = served.connect_as(&anna, "").await;
    dead.connected(0).await;
    let reading = tokio::spawn(async move {
        let received = lively.received().await;
        (lively, received)
    });
    let began = Instant::now();
    while served.fixture.state.streams.open() > 1 {
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(began.elapsed().as_secs() / 10, 6, "after a minute");
    sleep(Duration::from_secs(600)).await;
    served.fixture.notify(&anna, 1).await;
    assert_eq!(reading.await.unwrap().1["id"], 1);
    drop(dead);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_dropped() {
    let served = Served::start(HttpSettings::default());
    let anna = served.fixture.anna().await;
    let opts = Options {
        protocols: vec!["p2p.v1".into(), format!("bearer.{}", anna.token)],
        wire: 1_024,
        ..Options::default()
    };
    let (slow, _) = served.connect(opts).await.unwrap();
    while served.fixture.state.hub.followers() == 0 {
        tokio::task::yield_now().await;
    }
    served.fixture.notify(&anna, 40).await;
    let took = served.fixture.drained().await;
    assert_eq!(took.as_secs(), 30);
    assert_eq!(served.fixture.state.hub.followers(), 0);
    drop(slow);
}

#[tokio::test(start_paused = true)]
async fn only_pages_of_allowed_origins_can_open_it() {
    let app = "https://app.example.com";
    let settings = HttpSettings {
        cors: CorsOrigins::parse(&[app]).unwrap(),
        ..HttpSettings::default()
    };
    let served = Served::start(settings);
    for origin in ["https://market.example", app] {
        let opts = Options {
            origin: Some(origin),
            ..Options::default()
        };
        assert!(served.connect(opts).await.is_ok(), "{origin}");
    }
    for origin in ["https://evil.example", "null"] {
        let opts = Options {
            origin: Some(origin),
            ..Options::default()
        };
        match served.connect(opts).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{origin}"),
            other => panic!("{origin}: {:?}", other.map(|(_, response)| response)),
        }
    }
    let anna = served.fixture.anna().await;
    let plain = served.fixture.get(&anna, "/api/ws").await;
    plain.is_problem(426, "UPGRADE_REQUIRED");
    let token = format!("token={}", anna.token);
    for query in [token.as_str(), "last_event_id=9007199254740992"] {
        let in_the_address = served.fixture.get(&anna, &format!("/api/ws?{query}")).await;
        in_the_address.is_problem(400, "INVALID_QUERY");
    }
}

/// The server ends open streams when it stops, instead of waiting for them.
#[tokio::test(start_paused = true)]
async fn a_server_with_open_streams_stops() {
    let served = Served::start(HttpSettings::default());
    let anna = served.fixture.anna().await;
    let mut socket = served.connect_as(&anna, "").await;
    socket.connected(0).await;
    let (mut wire, far) = duplex(64 * 1024);
    served.wires.send(far).await.unwrap();
    let request = format!(
        "GET /api/events HTTP/1.1\r\nhost: market.example\r\nauthorization: Bearer {}\r\n\r\n",
        anna.token
    );
    wire.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    while !text.contains("id: 0") {
        let mut piece = [0; 1_024];
        let read = wire.read(&mut piece).await.unwrap();
        text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    let began = Instant::now();
    served.fixture.state.stop.cancel();
    served.serving.await.unwrap().unwrap();
    assert_eq!(socket.closed().await.0, 1001);
    served.fixture.drained().await;
    assert!(began.elapsed() < Duration::from_secs(3));
    let mut rest = String::new();
    wire.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "a proper end: {rest:?}");
}
