//! The life of a WebSocket: who is it, the notifications as they come, and a good-bye that says why.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::http::StatusCode;
use p2p_application::limits::Class;
use p2p_application::ports::{Bearer, TokenError};
use serde::Deserialize;
use tokio::time::{Instant, interval_at, timeout};
use tungstenite::Error as SocketError;

use super::feed::{End, Feed, Item};
use crate::app::App;
use crate::streams::StreamPermit;

/// The longest message that a client has any use for.
pub(super) const MAX_MESSAGE: usize = 4 * 1024;

/// How long a client may take to say who it is.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a client is asked whether it is there, and how long it may keep silent.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a client may take to close its side.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Who a client is, and what it has seen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Greeting {
    pub(super) token: String,
    pub(super) last_event_id: Option<u64>,
}

/// How a socket is closed: a code, and a word for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Close(u16, &'static str);

const GOING_AWAY: Close = Close(1001, "the server stops");
const NONSENSE: Close = Close(1008, "not a message of p2p.v1");
const TOO_LARGE: Close = Close(1009, "a message may have up to 4 KiB");
const PROTOCOL: Close = Close(1002, "protocol error");
const INTERNAL: Close = Close(1011, "INTERNAL");
const LATER: Close = Close(1013, "UNAVAILABLE");
const NO_TOKEN: Close = Close(4401, "INVALID_TOKEN");
const EXPIRED: Close = Close(4401, "TOKEN_EXPIRED");
const OVER: Close = Close(4401, "SESSION_OVER");
const GONE: Close = Close(4401, "USER_NOT_FOUND");
const TOO_LATE: Close = Close(4408, "no first message in time");
const TOO_MANY: Close = Close(4429, "TOO_MANY_STREAMS");
const TOO_OFTEN: Close = Close(4429, "RATE_LIMITED");

/// Why a session is over; `None`: the client has disconnected.
type Over = Option<Close>;

/// Carries a socket from its greeting to its end. Its place is kept until the good-bye is said.
pub(super) async fn serve(
    app: App,
    place: StreamPermit,
    mut socket: WebSocket,
    greeting: Option<Greeting>,
    last: Option<u64>,
) {
    let place = Arc::new(place);
    let over = session(&app, &place, &mut socket, greeting, last).await;
    if let Some(close) = over {
        tracing::debug!(code = close.0, reason = close.1, "a WebSocket is closed");
        let _ = timeout(CLOSE_TIMEOUT, say_good_bye(socket, close)).await;
    }
}

async fn session(
    app: &App,
    place: &Arc<StreamPermit>,
    socket: &mut WebSocket,
    greeting: Option<Greeting>,
    last: Option<u64>,
) -> Over {
    match admit(app, place, socket, greeting, last).await {
        Ok(feed) => carry(app, socket, feed).await,
        Err(over) => over,
    }
}

/// Finds out who it is and opens the feed.
async fn admit(
    app: &App,
    place: &Arc<StreamPermit>,
    socket: &mut WebSocket,
    greeting: Option<Greeting>,
    last: Option<u64>,
) -> Result<Feed, Over> {
    let greeting = match greeting {
        Some(greeting) => greeting,
        None => tokio::select! {
            () = app.state().stop.cancelled() => return Err(Some(GOING_AWAY)),
            first = timeout(GREETING_TIMEOUT, first_message(socket)) => {
                first.map_err(|_| Some(TOO_LATE))??
            }
        },
    };
    let bearer: Bearer = app
        .market()
        .admit(&greeting.token)
        .map_err(|error| match error {
            TokenError::Invalid => Some(NO_TOKEN),
            TokenError::Expired => Some(EXPIRED),
            TokenError::Ended => Some(OVER),
            TokenError::Unknown => Some(LATER),
        })?;
    place
        .belongs_to(bearer.caller.user, app.settings().streams.per_user)
        .map_err(|_| Some(TOO_MANY))?;
    let limits = &app.state().limits;
    let asked = limits.user(Class::Stream, bearer.caller.user).await;
    if asked.is_some_and(|asked| !asked.allowance.admitted) {
        return Err(Some(TOO_OFTEN));
    }
    let last = greeting.last_event_id.or(last);
    let opening = timeout(
        GREETING_TIMEOUT,
        Feed::open(app, Arc::clone(place), bearer, last),
    );
    opening
        .await
        .map_err(|_| Some(LATER))?
        .map_err(|problem| match problem.status() {
            StatusCode::NOT_FOUND => Some(GONE),
            StatusCode::SERVICE_UNAVAILABLE => Some(LATER),
            _ => {
                tracing::error!(cause = problem.cause(), "a WebSocket can't be fed");
                Some(INTERNAL)
            }
        })
}

async fn first_message(socket: &mut WebSocket) -> Result<Greeting, Over> {
    loop {
        match heard(socket.recv().await)? {
            Some(text) => return serde_json::from_str(&text).map_err(|_| Some(NONSENSE)),
            None => continue,
        }
    }
}

/// The text of a message; `None` where it was only a sign of life.
fn heard(received: Option<Result<Message, axum::Error>>) -> Result<Option<String>, Over> {
    match received {
        None | Some(Ok(Message::Close(_))) => Err(None),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Text(text))) if text.len() > MAX_MESSAGE => Err(Some(TOO_LARGE)),
        Some(Ok(Message::Binary(bytes))) if bytes.len() > MAX_MESSAGE => Err(Some(TOO_LARGE)),
        Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
        Some(Ok(Message::Binary(_))) => Err(Some(NONSENSE)),
        Some(Err(error)) => Err(broken(error)),
    }
}

/// What a socket that can't be read is closed with.
fn broken(error: axum::Error) -> Over {
    match error.into_inner().downcast::<SocketError>().as_deref() {
        Ok(SocketError::Capacity(_)) => Some(TOO_LARGE),
        Ok(SocketError::Protocol(_) | SocketError::Utf8(_)) => Some(PROTOCOL),
        _ => None,
    }
}

/// Passes notifications on until something ends it.
async fn carry(app: &App, socket: &mut WebSocket, mut feed: Feed) -> Over {
    let hello = Item {
        number: feed.begins_after(),
        event: "connected",
        json: "{}".to_owned(),
    };
    if let Err(over) = say(app, socket, frame(&hello)).await {
        return over;
    }
    let mut heard_at = Instant::now();
    let mut ping = interval_at(heard_at + PING_INTERVAL, PING_INTERVAL);
    loop {
        tokio::select! {
            item = feed.next() => match item {
                Some(item) => if let Err(over) = say(app, socket, frame(&item)).await {
                    return over;
                },
                None => return why(feed.end().await),
            },
            received = socket.recv() => match heard(received) {
                Ok(None) => heard_at = Instant::now(),
                Ok(Some(_)) => return Some(NONSENSE),
                Err(over) => return over,
            },
            _ = ping.tick() => {
                if heard_at.elapsed() >= SILENCE_TIMEOUT {
                    return None;
                }
                if let Err(over) = say(app, socket, Message::Ping(Bytes::new())).await {
                    return over;
                }
            }
        }
    }
}

const fn why(end: End) -> Over {
    match end {
        End::Expired => Some(EXPIRED),
        End::LoggedOut => Some(OVER),
        End::Stopped => Some(GOING_AWAY),
        End::Failed => Some(INTERNAL),
        // What is still on its way to such a client would have to be read before any good-bye.
        End::TooSlow | End::Left => None,
    }
}

/// Sends a message, with patience.
async fn say(app: &App, socket: &mut WebSocket, message: Message) -> Result<(), Over> {
    let patience = app.settings().streams.patience;
    match timeout(patience, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(None),
    }
}

fn frame(item: &Item) -> Message {
    let Item {
        number,
        event,
        json,
    } = item;
    Message::Text(format!(r#"{{"id":{number},"event":"{event}","data":{json}}}"#).into())
}

/// Says why it is over, and waits for the other side to close too.
async fn say_good_bye(mut socket: WebSocket, Close(code, reason): Close) {
    let close = CloseFrame {
        code,
        reason: reason.into(),
    };
    if socket.send(Message::Close(Some(close))).await.is_ok() {
        while let Some(Ok(_)) = socket.recv().await {}
    }
}
