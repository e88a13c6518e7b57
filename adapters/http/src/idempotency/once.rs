//! The one way from a change to its answer.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use p2p_application::Command;
use p2p_application::idempotency;
use p2p_application::ports::{IdempotencyKey, Reply};
use p2p_domain::Refusal;
use p2p_edge::idempotency::{KeyedRequest, REPLAYED};
use p2p_edge::problem::MEDIA_TYPE;
use serde::Serialize;

use super::Scope;
use crate::app::App;
use crate::problem::Problem;

/// A reply with a body. Its tag is the status.
fn answer(status: StatusCode, body: &impl Serialize) -> Reply {
    Reply {
        tag: status.as_u16(),
        // Texts, numbers and lists of such: this can't fail.
        body: serde_json::to_vec(body).unwrap_or_default(),
    }
}

/// 200.
pub(crate) fn ok(body: &impl Serialize) -> Reply {
    answer(StatusCode::OK, body)
}

/// 201.
pub(crate) fn created(body: &impl Serialize) -> Reply {
    answer(StatusCode::CREATED, body)
}

/// 204.
pub(crate) const fn no_content() -> Reply {
    Reply {
        tag: StatusCode::NO_CONTENT.as_u16(),
        body: Vec::new(),
    }
}

/// Carries a request's command out: once for its key, if it has one.
#[derive(Debug)]
pub(crate) struct Once(pub(super) Option<KeyedRequest>);

impl Once {
    /// The request's key, for what is kept under it.
    pub(crate) fn into_key(self) -> Option<String> {
        self.0.map(|keyed| keyed.key)
    }

    /// Carries the command out and answers. With a key the answer, a refusal too, is kept in the commit of what it tells
    /// of, and given again to the same request.
    pub(crate) async fn carry_out<C: Command>(
        self,
        app: &App,
        by: impl Into<Scope>,
        command: C,
        render: impl Fn(C::Outcome) -> Reply + Send + Sync + 'static,
    ) -> Result<Response, Problem> {
        let (reply, headers) = self.reply(app, by, command, render).await?;
        Ok((headers, respond(reply)).into_response())
    }

    /// The answer itself, and the headers that belong to it.
    pub(crate) async fn reply<C: Command>(
        self,
        app: &App,
        by: impl Into<Scope>,
        command: C,
        render: impl Fn(C::Outcome) -> Reply + Send + Sync + 'static,
    ) -> Result<(Reply, HeaderMap), Problem> {
        let Some(keyed) = self.0 else {
            let outcome = app.market().execute(command).await?;
            return Ok((render(outcome), HeaderMap::new()));
        };
        let KeyedRequest {
            key,
            operation,
            fingerprint,
            request_id,
        } = keyed;
        let key = IdempotencyKey {
            caller: by.into().0,
            operation,
            key,
        };
        let once = idempotency::Once {
            command,
            key,
            fingerprint,
            render: move |decision| match decision {
                Ok(outcome) => render(outcome),
                Err(refusal) => refused(refusal, &request_id),
            },
        };
        let replied = app.market().execute(once).await?;
        let mut headers = HeaderMap::new();
        if replied.replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok((replied.reply, headers))
    }
}

/// A refusal, as the edge would write it.
fn refused(refusal: Refusal, request_id: &str) -> Reply {
    let problem = Problem::from(refusal);
    answer(problem.status(), &problem.body(request_id))
}

/// Writes an answer down.
pub(crate) fn respond(reply: Reply) -> Response {
    let Ok(status) = StatusCode::from_u16(reply.tag) else {
        return Problem::internal(format!("{} is no status", reply.tag)).into_response();
    };
    if reply.body.is_empty() {
        return status.into_response();
    }
    let media_type = if status.is_client_error() || status.is_server_error() {
        MEDIA_TYPE
    } else {
        "application/json"
    };
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static(media_type))];
    (status, content_type, reply.body).into_response()
}
