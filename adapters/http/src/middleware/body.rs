//! Bodies that have to come in time.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// A body has not come to its end in time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the body did not come in time")]
pub(crate) struct TooSlow;

/// A body that fails when it takes longer than this to come, from when it is first waited for.
struct InTime {
    body: Body,
    time: Duration,
    late: Option<Pin<Box<Sleep>>>,
}

/// The body, if it comes in time.
pub(super) fn in_time(body: Body, time: Duration) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::new(InTime {
        body,
        time,
        late: None,
    })
}

impl HttpBody for InTime {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_ready() {
            return frame;
        }
        let time = self.time;
        let late = self.late.get_or_insert_with(|| Box::pin(sleep(time)));
        late.as_mut()
            .poll(cx)
            .map(|()| Some(Err(axum::Error::new(TooSlow))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
