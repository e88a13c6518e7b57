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

use crate::rpc_error::RpcError;

/// The body of a stream, which is ended by a token. Frames that are ready come first.
pub(super) struct CancellableBody {
    body: Body,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
    ended: bool,
    /// Held while the stream is open.
    _permit: Option<OwnedSemaphorePermit>,
}

impl CancellableBody {
    pub(super) fn wrap(
        body: Body,
        end: CancellationToken,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Body {
        Body::new(Self {
            body,
            end: Box::pin(end.cancelled_owned()),
            ended: false,
            _permit: permit,
        })
    }
}

impl http_body::Body for CancellableBody {
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
        Status::from(RpcError::stopping()).add_header(&mut trailers)?;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}
