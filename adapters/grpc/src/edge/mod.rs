//! All that happens around every call, in one layer: request id, address, span, deadline, panics, log, counters.

mod deadline;
mod ending;
mod request_id;
mod transport;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use p2p_application::Market;
use p2p_application::limits::Limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, HeaderValue, Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::{Instrument, field};

use crate::client::ClientAddress;
use crate::fault::Fault;
use crate::limits::Meter;
use crate::methods::Method;
use crate::settings::GrpcSettings;
use crate::stats::{self, GrpcStats};
use ending::Ending;
use request_id::X_REQUEST_ID;

/// Puts the edge around services.
#[derive(Debug, Clone)]
pub(crate) struct EdgeLayer(Arc<Around>);

#[derive(Debug)]
struct Around {
    market: Market,
    limits: Limits,
    stats: GrpcStats,
    call_timeout: Duration,
    /// A place for each stream that may be open.
    streams: Arc<Semaphore>,
    /// Streams end when this is cancelled.
    ending: CancellationToken,
}

impl Around {
    /// A place for a stream; other calls need none.
    fn room_for(&self, method: Method) -> Result<Option<OwnedSemaphorePermit>, Fault> {
        if !method.streams {
            return Ok(None);
        }
        let room = Arc::clone(&self.streams).try_acquire_owned();
        room.map(Some).map_err(|_| Fault::no_stream_left())
    }
}

impl EdgeLayer {
    pub(crate) fn new(
        market: Market,
        limits: Limits,
        stats: GrpcStats,
        settings: &GrpcSettings,
        ending: CancellationToken,
    ) -> Self {
        Self(Arc::new(Around {
            market,
            limits,
            stats,
            call_timeout: settings.call_timeout,
            streams: Arc::new(Semaphore::new(
                settings.max_open_streams.min(Semaphore::MAX_PERMITS),
            )),
            ending,
        }))
    }
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge {
            around: Arc::clone(&self.0),
            inner,
        }
    }
}

/// Services with the edge around them.
#[derive(Debug, Clone)]
pub(crate) struct Edge<S> {
    around: Arc<Around>,
    inner: S,
}

impl<S> Service<Request<Body>> for Edge<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // Tonic minds deadlines too, as CANCELLED and without details: ours is looked at before.
        let began = Instant::now();
        let wanted = deadline::read(request.headers());
        let limit = self.around.call_timeout;
        let deadline = began + wanted.map_or(limit, |wanted| wanted.min(limit));
        let around = Arc::clone(&self.around);
        let client = ClientAddress::of(request.extensions());
        request.extensions_mut().insert(client);
        let method = Method::of(request.uri().path());
        if let Some(class) = method.class
            && !around.limits.are_off()
        {
            request.extensions_mut().insert(Meter {
                limits: around.limits.clone(),
                class,
                from: client,
            });
        }
        let id = request_id::of(request.headers(), around.market.ids());
        let span = tracing::info_span!(
            "call",
            request_id = request_id::text(&id),
            method = method.path,
            user = field::Empty,
        );
        let answer = span.in_scope(|| self.inner.call(request));
        let call = async move {
            let mut underway = Underway {
                stats: around.stats.clone(),
                method,
                began,
                answered: None,
            };
            let (mut response, room) = match around.room_for(method) {
                Ok(room) => (in_time(answer, deadline).await, room),
                Err(fault) => (Status::from(fault).into_http(), None),
            };
            let code = code_of(response.headers());
            if code == Code::Ok && method.streams {
                response = response.map(|body| Ending::of(body, around.ending.clone(), room));
            }
            response.headers_mut().insert(X_REQUEST_ID, id);
            underway.answered = Some(code);
            Ok(response)
        };
        Box::pin(call.instrument(span))
    }
}

/// The handler's answer, if it comes in time and without a panic.
async fn in_time(
    answer: impl Future<Output = Result<Response<Body>, Infallible>>,
    deadline: Instant,
) -> Response<Body> {
    let answer = AssertUnwindSafe(answer).catch_unwind();
    let fault = match tokio::time::timeout_at(deadline, answer).await {
        Ok(Ok(Ok(response))) => match transport::fault(response.headers()) {
            None => return response,
            Some(fault) => fault,
        },
        Ok(Err(panic)) => Fault::internal(words_of(panic.as_ref())),
        Err(_) => Fault::timed_out(),
    };
    Status::from(fault).into_http()
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    format!("a handler panicked: {words}")
}

/// An error is in the headers; what went well says so only at its end.
fn code_of(headers: &HeaderMap<HeaderValue>) -> Code {
    let status = headers.get(Status::GRPC_STATUS);
    status.map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()))
}

/// Counts and logs a call when it is over: also where the client does not wait for it.
struct Underway {
    stats: GrpcStats,
    method: Method,
    began: Instant,
    answered: Option<Code>,
}

impl Drop for Underway {
    fn drop(&mut self) {
        let code = self.answered.unwrap_or(Code::Cancelled);
        let took = self.began.elapsed();
        self.stats.count(self.method, code, took);
        tracing::info!(
            status = stats::name(code),
            elapsed_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
    }
}
