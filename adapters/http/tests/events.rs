//! Server-sent events: none is missing, none is repeated, and every stream ends.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use fixture::login::{LoggedIn, PASSWORD};
use fixture::{Fixture, Person, Reply, TOKEN_LIFETIME};
use futures::StreamExt;
use p2p_domain::Role;
use p2p_http::{HttpSettings, StreamSettings};
use serde_json::Value;
use tokio::time::{Instant, timeout};
use tower::ServiceExt;

/// An open stream, as its reader sees it.
struct Stream {
    body: BodyDataStream,
    text: String,
    /// The `Last-Event-ID` with which the reader would resume.
    last: Option<u64>,
}

/// One event, or a comment.
#[derive(Debug, Default)]
struct Event {
    id: Option<u64>,
    name: String,
    data: Value,
    retry: Option<u64>,
}

fn request(person: &Person, path: &str, last: Option<&str>) -> Request<Body> {
    let mut request =
        Request::get(path).header("authorization", format!("Bearer {}", person.token));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    request.body(Body::empty()).unwrap()
}

impl Stream {
    async fn open(fixture: &Fixture, person: &Person, last: Option<u64>) -> Self {
        let last = last.map(|last| last.to_string());
        Self::open_at(fixture, request(person, "/api/events", last.as_deref())).await
    }

    async fn open_at(fixture: &Fixture, request: Request<Body>) -> Self {
        let response = fixture.api.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut stream = Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
            last: None,
        };
        let hello = stream.next().await.unwrap();
        assert_eq!((hello.retry, hello.name.as_str()), (Some(3_000), ""));
        assert_eq!(hello.data, Value::Null, "no event is dispatched for it");
        stream
    }

    /// The next event or comment; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        let block = loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                break block;
            }
            let piece = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        };
        let mut event = Event::default();
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap();
            let value = value.trim_start();
            match field {
                "" => {}
                "id" => event.id = Some(value.parse().unwrap()),
                "event" => value.clone_into(&mut event.name),
                "data" => event.data = serde_json::from_str(value).unwrap(),
                "retry" => event.retry = Some(value.parse().unwrap()),
                other => panic!("{other}"),
            }
        }
        self.last = event.id.or(self.last);
        Some(event)
    }

    /// Whether the stream ends without another event.
    async fn is_over(&mut self) -> bool {
        self.take(1).await.is_empty()
    }

    /// The numbers of the next events, without comments; fewer if the stream ends.
    async fn take(&mut self, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            match self.next().await {
                None => break,
                Some(event) => numbers.extend(event.id),
            }
        }
        numbers
    }
}

async fn refused(fixture: &Fixture, person: &Person, path: &str, last: Option<&str>) -> Reply {
    fixture.send(request(person, path, last)).await
}

#[tokio::test(start_paused = true)]
async fn a_stream_resumes_exactly_where_it_was_interrupted() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    fixture.notify(&anna, 3).await;

    let mut fresh = Stream::open(&fixture, &anna, None).await;
    assert_eq!(fresh.last, Some(3), "it can resume before the first event");
    fixture.notify(&anna, 1).await;
    let event = fresh.next().await.unwrap();
    assert_eq!(
        (event.id, event.name.as_str()),
        (Some(4), "ExchangerUnfrozen")
    );
    let listed = fixture
        .get(&anna, "/api/notifications?limit=1")
        .await
        .good();
    assert_eq!(event.data, listed["items"][0], "the same as in the list");
    drop(fresh);

    let mut again = Stream::open(&fixture, &anna, Some(1)).await;
    assert_eq!(again.last, Some(1));
    assert_eq!(again.take(3).await, [2, 3, 4]);
    fixture.notify(&anna, 2).await;
    assert_eq!(again.take(2).await, [5, 6]);
    let by_query = request(&anna, "/api/events?last_event_id=5", None);
    assert_eq!(Stream::open_at(&fixture, by_query).await.take(1).await, [6]);
    let both = request(&anna, "/api/events?last_event_id=1", Some("5"));
    assert_eq!(
        Stream::open_at(&fixture, both).await.take(1).await,
        [6],
        "the header wins over the query"
    );
    let empty = request(&anna, "/api/events", Some(""));
    assert_eq!(Stream::open_at(&fixture, empty).await.last, Some(6));
    let from_the_future = Stream::open(&fixture, &anna, Some(1_000)).await;
    assert_eq!(from_the_future.last, Some(6), "no later event is skipped");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_comes_and_goes_misses_and_repeats_nothing() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    let mut last = Some(0);
    let mut seen = Vec::new();
    for round in 0..50_u64 {
        let mut stream = Stream::open(&fixture, &anna, last).await;
        fixture
            .notify(&anna, usize::try_from(round % 4).unwrap())
            .await;
        let missing = round_total(round) - seen.len();
        let some = missing.min(usize::try_from(round % 3).unwrap());
        seen.extend(stream.take(some).await);
        last = stream.last;
    }
    let mut stream = Stream::open(&fixture, &anna, last).await;
    let total = round_total(49);
    seen.extend(stream.take(total - seen.len()).await);
    let all: Vec<u64> = (1..).take(total).collect();
    assert_eq!(seen, all);
}

/// The number of notifications up to a round.
fn round_total(round: u64) -> usize {
    (0..=round)
        .map(|one| usize::try_from(one % 4).unwrap())
        .sum()
}

#[tokio::test(start_paused = true)]
async fn a_stream_follows_the_mailbox_of_its_user() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    let boris = fixture
        .person("boris", [Role::Exchanger, Role::Admin])
        .await;
    let mut annas = Stream::open(&fixture, &anna, Some(0)).await;
    let mut too = Stream::open(&fixture, &anna, Some(0)).await;
    let mut boriss = Stream::open(&fixture, &boris, Some(0)).await;
    assert_eq!(fixture.state.hub.followers(), 3);
    fixture.notify(&anna, 1).await;
    fixture.notify(&boris, 1).await;
    for (stream, person) in [
        (&mut annas, &anna),
        (&mut too, &anna),
        (&mut boriss, &boris),
    ] {
        let event = stream.next().await.unwrap();
        assert_eq!(event.data["exchanger_id"], person.id.to_string());
    }
    drop((annas, too, boriss));
    fixture.drained().await;
    assert_eq!(fixture.state.hub.followers(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_sends_keep_alive_comments() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    let mut stream = Stream::open(&fixture, &anna, None).await;
    let began = Instant::now();
    let comment = stream.next().await.unwrap();
    assert!(
        comment.id.is_none() && comment.data.is_null(),
        "{comment:?}"
    );
    assert_eq!(began.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_token() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    let mut quiet = Stream::open(&fixture, &anna, None).await;
    let mut busy = Stream::open(&fixture, &anna, None).await;
    fixture.notify(&anna, 1).await;
    assert_eq!(busy.take(1).await, [1]);
    assert_eq!(quiet.take(1).await, [1]);
    fixture
        .clock
        .advance(TOKEN_LIFETIME - Duration::from_secs(1));
    fixture.notify(&anna, 1).await;
    assert_eq!(busy.take(1).await, [2], "valid to the last moment");
    assert_eq!(quiet.take(1).await, [2]);
    fixture.clock.advance(Duration::from_secs(1));
    // Nothing more is sent, however late the timers are.
    fixture.notify(&anna, 1).await;
    assert!(busy.is_over().await);
    assert!(quiet.is_over().await);
    fixture.drained().await;
    let reply = refused(&fixture, &anna, "/api/events", None).await;
    reply.is_problem(401, "TOKEN_EXPIRED");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_session() {
    let fixture = Fixture::open(HttpSettings::default());
    let here = fixture.newcomer("ada").await;
    let there = LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
    let mut stays = Stream::open(&fixture, &here.person, None).await;
    let mut ends = Stream::open(&fixture, &there.person, None).await;
    fixture.notify(&here.person, 1).await;
    assert_eq!(
        (stays.take(1).await, ends.take(1).await),
        (vec![1], vec![1])
    );
    let path = format!("/api/auth/sessions/{}", there.session);
    fixture.delete(&here.person, &path).await;
    // Later notifications are not sent to that session.
    fixture.notify(&here.person, 1).await;
    assert_eq!(stays.take(1).await, [2]);
    let began = Instant::now();
    assert!(ends.is_over().await);
    assert!(began.elapsed() < Duration::from_secs(60));
    refused(&fixture, &there.person, "/api/events", None)
        .await
        .is_problem(401, "SESSION_OVER");
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_events_ends_with_its_token_too() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    let mut stream = Stream::open(&fixture, &anna, None).await;
    fixture.clock.advance(TOKEN_LIFETIME);
    assert!(stream.is_over().await);
}

/// Only a few events are buffered for a reader that does not read, and it can resume without a loss.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_dropped() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    let mut slow = Stream::open(&fixture, &anna, Some(0)).await;
    let mut quick = Stream::open(&fixture, &anna, Some(0)).await;
    fixture.notify(&anna, 60).await;
    assert_eq!(quick.take(60).await.len(), 60);
    while fixture.state.streams.open() > 1 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let got = slow.take(60).await;
    let all: Vec<u64> = (1..=16).collect();
    assert_eq!(got, all, "the buffered events, and then the end");
    let mut again = Stream::open(&fixture, &anna, slow.last).await;
    let rest: Vec<u64> = (17..=60).collect();
    assert_eq!(again.take(44).await, rest);
    fixture.notify(&anna, 1).await;
    assert_eq!(quick.take(1).await, [61], "other readers go on");
}

#[tokio::test(start_paused = true)]
async fn open_streams_are_limited() {
    let settings = HttpSettings {
        streams: StreamSettings {
            per_user: 2,
            most: 3,
            ..StreamSettings::default()
        },
        ..HttpSettings::default()
    };
    let fixture = Fixture::open(settings);
    let anna = fixture.anna().await;
    let boris = fixture.person("boris", [Role::Customer]).await;
    let first = Stream::open(&fixture, &anna, None).await;
    let second = Stream::open(&fixture, &anna, None).await;
    let reply = refused(&fixture, &anna, "/api/events", None).await;
    reply.is_problem(429, "TOO_MANY_STREAMS");
    let third = Stream::open(&fixture, &boris, None).await;
    let reply = refused(&fixture, &boris, "/api/events", None).await;
    reply.is_problem(503, "NO_STREAM_LEFT");
    assert_eq!(reply.headers["retry-after"], "30");
    drop(first);
    while fixture.state.streams.open() > 2 {
        tokio::task::yield_now().await;
    }
    let fourth = Stream::open(&fixture, &boris, None).await;
    drop((second, third, fourth));
    fixture.drained().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_ends_its_streams() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    let mut stream = Stream::open(&fixture, &anna, None).await;
    let mut unread = Stream::open(&fixture, &anna, Some(0)).await;
    fixture.notify(&anna, 40).await;
    assert_eq!(stream.take(40).await.len(), 40);
    fixture.state.stop.cancel();
    let over = timeout(Duration::from_secs(1), stream.take(1)).await;
    assert_eq!(over, Ok(vec![]));
    assert!(
        fixture.drained().await < Duration::from_secs(1),
        "the server does not wait for a reader that does not read"
    );
    assert!(unread.take(40).await.len() <= 40);
    let mut late = Stream::open(&fixture, &anna, Some(0)).await;
    assert!(late.is_over().await, "no new stream begins");
}

#[tokio::test]
async fn nonsense_is_refused() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    // The last one, 2^53, is the first number that not every JSON client represents exactly.
    for last in ["x", "-1", "1.5", "99999999999999999999", "9007199254740992"] {
        let reply = refused(&fixture, &anna, "/api/events", Some(last)).await;
        reply.is_problem(400, "INVALID_LAST_EVENT_ID");
    }
    let path = "/api/events?last_event_id=9007199254740992";
    let reply = refused(&fixture, &anna, path, None).await;
    reply.is_problem(400, "INVALID_QUERY");
    // A token in the URL would end up in logs.
    let path = format!("/api/events?token={}", anna.token);
    let reply = refused(&fixture, &anna, &path, None).await;
    reply.is_problem(400, "INVALID_QUERY");
    let request = Request::get("/api/events").body(Body::empty()).unwrap();
    fixture
        .send(request)
        .await
        .is_problem(401, "UNAUTHENTICATED");
    assert_eq!(fixture.state.streams.open(), 0);
}
