//! Streams that end when the server does.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::Frame;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::HeaderMap;

use crate::fault::Fault;

/// A body that goes on until somebody ends it. What there is to say is said before.
pub(super) struct Ending {
    body: Body,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
    ended: bool,
    /// Its place among the streams that may be open.
    _room: Option<OwnedSemaphorePermit>,
}

impl Ending {
    pub(super) fn of(
        body: Body,
        end: CancellationToken,
        room: Option<OwnedSemaphorePermit>,
    ) -> Body {
        Body::new(Self {
            body,
            end: Box::pin(end.cancelled_owned()),
            ended: false,
            _room: room,
        })
    }
}

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        if self.end.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.ended = true;
        let mut trailers = HeaderMap::new();
        Status::from(Fault::stopping()).add_header(&mut trailers)?;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}
