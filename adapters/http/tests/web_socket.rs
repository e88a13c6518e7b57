//! The WebSocket: authentication, messages, and the codes with which it is closed.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod scene;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::serve::Listener;
use futures::{SinkExt, StreamExt};
use p2p_application::limits::{Limits, Quotas};
use p2p_application::ports::Quota;
use p2p_domain::{Role, TypedId, UserId};
use p2p_http::{CorsOrigins, HttpSettings, StreamSettings};
use p2p_system::InProcessLimits;
use scene::entrance::{Entered, PASSWORD};
use scene::{LIFETIME, Person, Scene};
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
struct Wires(mpsc::Receiver<DuplexStream>);

impl Listener for Wires {
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
    scene: Scene,
    wires: mpsc::Sender<DuplexStream>,
    serving: JoinHandle<std::io::Result<()>>,
}

/// How a client connects.
#[derive(Default)]
struct Asks<'a> {
    path: &'a str,
    protocols: Vec<String>,
    origin: Option<&'a str>,
    /// The capacity of the connection in bytes; 0 for the default.
    wire: usize,
}

impl Asks<'_> {
    /// With the token as a subprotocol.
    fn by(person: &Person) -> Self {
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
        let mut scene = Scene::open(settings.clone());
        let limiter = InProcessLimits::new(Arc::new(scene.clock.clone()));
        scene.live.limits = Limits::new(Arc::new(limiter), quotas);
        scene.api = p2p_http::router(scene.market.clone(), settings, scene.live.clone());
        let (wires, accepted) = mpsc::channel(1);
        let stop = scene.live.stop.clone();
        let serving = axum::serve(Wires(accepted), scene.api.clone())
            .with_graceful_shutdown(async move { stop.cancelled().await });
        let serving = tokio::spawn(serving.into_future());
        Self {
            scene,
            wires,
            serving,
        }
    }

    async fn connect(&self, asks: Asks<'_>) -> Result<(Socket, Response<()>), Error> {
        let path = if asks.path.is_empty() {
            "/api/ws"
        } else {
            asks.path
        };
        let mut request = ClientRequestBuilder::new(format!("{HOST}{path}").parse().unwrap());
        for protocol in asks.protocols {
            request = request.with_sub_protocol(protocol);
        }
        if let Some(origin) = asks.origin {
            request = request.with_header("Origin", origin);
        }
        let wire = if asks.wire == 0 { 64 * 1024 } else { asks.wire };
        let (near, far) = duplex(wire);
        self.wires.send(far).await.unwrap();
        let (socket, response) = tokio_tungstenite::client_async(request, near).await?;
        Ok((Socket(socket), response.map(drop)))
    }

    /// The status and code with which an unauthenticated connection is refused.
    async fn refused(&self) -> (u16, String) {
        self.refusing(Asks::default()).await
    }

    async fn refusing(&self, asks: Asks<'_>) -> (u16, String) {
        match self.connect(asks).await {
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
    async fn silent(&self) -> Socket {
        self.connect(Asks::default()).await.unwrap().0
    }

    /// With the token as a subprotocol.
    async fn enter(&self, person: &Person, path: &str) -> Socket {
        let asks = Asks {
            path,
            ..Asks::by(person)
        };
        let (socket, response) = self.connect(asks).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "p2p.v1");
        socket
    }
}

struct Socket(WebSocketStream<DuplexStream>);

impl Socket {
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
    async fn heard(&mut self) -> Value {
        match self.next().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn connected(&mut self, id: u64) {
        let hello = json!({"id": id, "event": "connected", "data": {}});
        assert_eq!(self.heard().await, hello);
    }

    async fn numbers(&mut self, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        for _ in 0..count {
            numbers.push(self.heard().await["id"].as_u64().unwrap());
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
    let anna = served.scene.anna().await;
    served.scene.tell(&anna, 2).await;
    let mut socket = served.enter(&anna, "").await;
    socket.connected(2).await;
    served.scene.tell(&anna, 1).await;
    let frame = socket.heard().await;
    let listed = served.scene.get(&anna, "/api/notifications?limit=1").await;
    let data = listed.good()["items"][0].clone();
    let expected = json!({"id": 3, "event": "ExchangerUnfrozen", "data": data});
    assert_eq!(frame, expected);
    let mut again = served.enter(&anna, "/api/ws?last_event_id=1").await;
    again.connected(1).await;
    assert_eq!(again.numbers(2).await, [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn the_token_comes_with_the_first_message() {
    let served = Served::start(HttpSettings::default());
    let anna = served.scene.anna().await;
    served.scene.tell(&anna, 3).await;
    let mut socket = served.silent().await;
    socket
        .say(json!({"token": anna.token, "last_event_id": 2}))
        .await;
    socket.connected(2).await;
    assert_eq!(socket.numbers(1).await, [3]);
    let mut socket = served.silent().await;
    socket.say(json!({"token": anna.token})).await;
    socket.connected(3).await;
    let asks = Asks {
        protocols: vec!["p2p.v1".into()],
        ..Asks::default()
    };
    let (mut socket, response) = served.connect(asks).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "p2p.v1");
    socket
        .say(json!({"token": anna.token, "last_event_id": null}))
        .await;
    socket.connected(3).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_can_not_say_who_it_is_is_shown_out() {
    let served = Served::start(HttpSettings::default());
    let anna = served.scene.anna().await;
    let forged = Person {
        id: anna.id,
        token: "forged".to_owned(),
    };
    let socket = served.enter(&forged, "").await;
    assert_eq!(socket.closed().await, reason(4401, "INVALID_TOKEN"));
    let mut socket = served.silent().await;
    socket.say(json!({"token": "forged"})).await;
    assert_eq!(socket.closed().await, reason(4401, "INVALID_TOKEN"));

    let began = Instant::now();
    let late = served.silent().await;
    assert_eq!(late.closed().await.0, 4408);
    assert_eq!(began.elapsed().as_secs(), 10);

    for nonsense in [
        json!({}),
        json!("hello"),
        json!({"token": 7}),
        json!({"token": anna.token, "surprise": 1}),
        json!({"token": anna.token, "last_event_id": -1}),
    ] {
        let mut socket = served.silent().await;
        socket.say(nonsense).await;
        assert_eq!(socket.closed().await.0, 1008);
    }
    let mut socket = served.silent().await;
    let bytes = json!({"token": anna.token}).to_string().into_bytes();
    socket.0.send(Message::binary(bytes)).await.unwrap();
    assert_eq!(socket.closed().await.0, 1008);

    served.scene.clock.advance(LIFETIME);
    let socket = served.enter(&anna, "").await;
    assert_eq!(socket.closed().await, reason(4401, "TOKEN_EXPIRED"));
    served.scene.drained().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_says_little_and_nothing_long() {
    let served = Served::start(HttpSettings::default());
    let anna = served.scene.anna().await;
    for length in [4 * 1024 + 1, 100 * 1024] {
        for message in [
            Message::text("x".repeat(length)),
            Message::binary(vec![7; length]),
        ] {
            let mut socket = served.silent().await;
            // The server may close the connection while the longest is being sent.
            let _ = socket.0.send(message.clone()).await;
            assert_eq!(socket.closed().await.0, 1009, "{length}");
            let mut socket = served.enter(&anna, "").await;
            socket.connected(0).await;
            let _ = socket.0.send(message).await;
            assert_eq!(socket.closed().await.0, 1009, "{length}");
        }
    }
    let mut socket = served.enter(&anna, "").await;
    socket.connected(0).await;
    socket.say(json!({"token": anna.token})).await;
    assert_eq!(socket.closed().await.0, 1008, "no second message is accepted");
    served.scene.drained().await;
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_so_many_sockets() {
    let settings = HttpSettings {
        streams: StreamSettings {
            per_user: 1,
            most: 2,
            ..StreamSettings::default()
        },
        ..HttpSettings::default()
    };
    let served = Served::start(settings);
    let anna = served.scene.anna().await;
    let boris = served.scene.person("boris", [Role::Customer]).await;
    let mut first = served.enter(&anna, "").await;
    first.connected(0).await;
    let socket = served.enter(&anna, "").await;
    assert_eq!(socket.closed().await, reason(4429, "TOO_MANY_STREAMS"));
    while served.scene.live.streams.open() > 1 {
        sleep(Duration::from_millis(10)).await;
    }
    let mut second = served.enter(&boris, "").await;
    second.connected(0).await;
    assert_eq!(served.refused().await, (503, "NO_STREAM_LEFT".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn those_who_say_nothing_keep_nobody_out() {
    let served = Served::start(HttpSettings {
        streams: StreamSettings {
            most: 30,
            ..StreamSettings::default()
        },
        ..HttpSettings::default()
    });
    let anna = served.scene.anna().await;
    let mut silent = vec![];
    for _ in 0..16 {
        silent.push(served.silent().await);
    }
    assert_eq!(served.refused().await, (503, "NO_STREAM_LEFT".to_owned()));
    let mut socket = served.enter(&anna, "").await;
    socket.connected(0).await;
    let request = Request::get("/api/events");
    let request = request.header("authorization", format!("Bearer {}", anna.token));
    let request = request.body(Body::empty()).unwrap();
    let stream = served.scene.api.clone().oneshot(request).await.unwrap();
    assert_eq!(stream.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_say_who_they_are_is_counted_by_address() {
    let quotas = Quotas {
        stream: Quota::new(1, Duration::from_secs(1), 3),
        ..Quotas::default()
    };
    let served = Served::limited(HttpSettings::default(), quotas);
    let anna = served.scene.anna().await;
    let nobody = Person {
        id: UserId::from_u128(1),
        token: "nonsense".to_owned(),
    };
    let nobody = served.enter(&nobody, "").await;
    assert_eq!(nobody.closed().await, reason(4401, "INVALID_TOKEN"));
    let _silent = [served.silent().await, served.silent().await];
    assert_eq!(served.refused().await, (429, "RATE_LIMITED".to_owned()));
    // Authenticated users have their own quota, and are refused by a close frame.
    let mut open = vec![];
    for _ in 0..3 {
        let mut socket = served.enter(&anna, "").await;
        socket.connected(0).await;
        open.push(socket);
    }
    let socket = served.enter(&anna, "").await;
    assert_eq!(socket.closed().await, reason(4429, "RATE_LIMITED"));
}

#[tokio::test(start_paused = true)]
async fn who_has_too_many_open_is_told_so_only_so_often() {
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
    let anna = served.scene.anna().await;
    let mut first = served.enter(&anna, "").await;
    first.connected(0).await;
    for _ in 0..2 {
        let socket = served.enter(&anna, "").await;
        assert_eq!(socket.closed().await, reason(4429, "TOO_MANY_STREAMS"));
    }
    let refusal = served.refusing(Asks::by(&anna)).await;
    assert_eq!(refusal, (429, "RATE_LIMITED".to_owned()));
    // Other clients can still connect.
    let _silent = served.silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_socket_ends_with_its_token_and_with_the_server() {
    let served = Served::start(HttpSettings::default());
    let anna = served.scene.anna().await;
    let mut socket = served.enter(&anna, "").await;
    socket.connected(0).await;
    served.scene.clock.advance(LIFETIME);
    served.scene.tell(&anna, 1).await;
    assert_eq!(socket.closed().await, reason(4401, "TOKEN_EXPIRED"));

    let boris = served.scene.person("boris", [Role::Customer]).await;
    let mut entered = served.enter(&boris, "").await;
    entered.connected(0).await;
    let silent = served.silent().await;
    served.scene.live.stop.cancel();
    assert_eq!(entered.closed().await.0, 1001);
    assert_eq!(silent.closed().await.0, 1001);
    assert!(served.scene.drained().await < Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_socket_ends_with_its_session() {
    let served = Served::start(HttpSettings::default());
    let scene = &served.scene;
    let quiet = scene.newcomer("ada").await;
    let busy = Entered::by(scene.log_in("ada", PASSWORD, None).await);
    let other = Entered::by(scene.log_in("ada", PASSWORD, None).await);
    let mut sockets = Vec::new();
    for session in [&quiet, &busy, &other] {
        let mut socket = served.enter(&session.person, "").await;
        socket.connected(0).await;
        sockets.push(socket);
    }
    let [quiet_socket, busy_socket, mut other_socket] = sockets.try_into().ok().unwrap();
    let logout = "/api/auth/logout";
    scene.post(&busy.person, logout, Value::Null).await.good();
    // Nothing more is sent after the log-out.
    scene.tell(&busy.person, 1).await;
    assert_eq!(busy_socket.closed().await, reason(4401, "SESSION_OVER"));
    assert_eq!(other_socket.numbers(1).await, [1]);
    let began = Instant::now();
    scene
        .delete(&other.person, "/api/auth/sessions")
        .await
        .good();
    let mut quiet_socket = quiet_socket;
    assert_eq!(quiet_socket.numbers(1).await, [1]);
    assert_eq!(quiet_socket.closed().await, reason(4401, "SESSION_OVER"));
    assert!(began.elapsed() < Duration::from_secs(60));
    let socket = served.enter(&quiet.person, "").await;
    assert_eq!(socket.closed().await, reason(4401, "SESSION_OVER"));
    scene.tell(&other.person, 1).await;
    assert_eq!(other_socket.numbers(1).await, [2]);
}

#[tokio::test(start_paused = true)]
async fn who_answers_pings_stays_and_who_does_not_is_dropped() {
    let served = Served::start(HttpSettings::default());
    let anna = served.scene.anna().await;
    let mut lively = served.enter(&anna, "").await;
    lively.connected(0).await;
    let mut dead = served.enter(&anna, "").await;
    dead.connected(0).await;
    let reading = tokio::spawn(async move {
        let heard = lively.heard().await;
        (lively, heard)
    });
    let began = Instant::now();
    while served.scene.live.streams.open() > 1 {
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(began.elapsed().as_secs() / 10, 6, "after a minute");
    sleep(Duration::from_secs(600)).await;
    served.scene.tell(&anna, 1).await;
    assert_eq!(reading.await.unwrap().1["id"], 1);
    drop(dead);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_dropped() {
    let served = Served::start(HttpSettings::default());
    let anna = served.scene.anna().await;
    let asks = Asks {
        protocols: vec!["p2p.v1".into(), format!("bearer.{}", anna.token)],
        wire: 1_024,
        ..Asks::default()
    };
    let (slow, _) = served.connect(asks).await.unwrap();
    while served.scene.live.hub.followers() == 0 {
        tokio::task::yield_now().await;
    }
    served.scene.tell(&anna, 40).await;
    let took = served.scene.drained().await;
    assert_eq!(took.as_secs(), 30);
    assert_eq!(served.scene.live.hub.followers(), 0);
    drop(slow);
}

#[tokio::test(start_paused = true)]
async fn only_pages_that_may_can_open_it() {
    let app = "https://app.example.com";
    let settings = HttpSettings {
        cors: CorsOrigins::parse(&[app]).unwrap(),
        ..HttpSettings::default()
    };
    let served = Served::start(settings);
    for origin in ["https://market.example", app] {
        let asks = Asks {
            origin: Some(origin),
            ..Asks::default()
        };
        assert!(served.connect(asks).await.is_ok(), "{origin}");
    }
    for origin in ["https://evil.example", "null"] {
        let asks = Asks {
            origin: Some(origin),
            ..Asks::default()
        };
        match served.connect(asks).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{origin}"),
            other => panic!("{origin}: {:?}", other.map(|(_, response)| response)),
        }
    }
    let anna = served.scene.anna().await;
    let plain = served.scene.get(&anna, "/api/ws").await;
    plain.is_problem(426, "UPGRADE_REQUIRED");
    let token = format!("token={}", anna.token);
    for query in [token.as_str(), "last_event_id=9007199254740992"] {
        let in_the_address = served.scene.get(&anna, &format!("/api/ws?{query}")).await;
        in_the_address.is_problem(400, "INVALID_QUERY");
    }
}

/// The server ends open streams when it stops, instead of waiting for them.
#[tokio::test(start_paused = true)]
async fn a_server_with_open_streams_stops() {
    let served = Served::start(HttpSettings::default());
    let anna = served.scene.anna().await;
    let mut socket = served.enter(&anna, "").await;
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
    served.scene.live.stop.cancel();
    served.serving.await.unwrap().unwrap();
    assert_eq!(socket.closed().await.0, 1001);
    served.scene.drained().await;
    assert!(began.elapsed() < Duration::from_secs(3));
    let mut rest = String::new();
    wire.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "a proper end: {rest:?}");
}
