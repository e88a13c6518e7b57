//! Everything around a call in one layer: request id, address, span, deadline, panics, log, counters.

mod cancellable;
mod deadline;
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
use p2p_edge::failure::panic_message;
use p2p_edge::request_id::X_REQUEST_ID;
use p2p_edge::{ClientAddress, RequestId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::http::{Extensions, HeaderMap, HeaderValue, Request, Response};
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::{Instrument, field};

use crate::limits::RateLimitState;
use crate::methods::Method;
use crate::rpc_error::RpcError;
use crate::settings::GrpcSettings;
use crate::stats::{self, GrpcStats};
use cancellable::CancellableBody;

/// Puts the edge around services.
#[derive(Debug, Clone)]
pub(crate) struct EdgeLayer(Arc<EdgeState>);

#[derive(Debug)]
struct EdgeState {
    market: Market,
    limits: Limits,
    stats: GrpcStats,
    call_timeout: Duration,
    /// A permit for each stream that may be open.
    streams: Arc<Semaphore>,
    /// Streams end when it is cancelled.
    streams_end: CancellationToken,
}

impl EdgeState {
    /// A permit for a stream; other calls need none.
    fn acquire(&self, method: Method) -> Result<Option<OwnedSemaphorePermit>, RpcError> {
        if !method.streams {
            return Ok(None);
        }
        let permit = Arc::clone(&self.streams).try_acquire_owned();
        permit.map(Some).map_err(|_| RpcError::no_stream_left())
    }
}

impl EdgeLayer {
    pub(crate) fn new(
        market: Market,
        limits: Limits,
        stats: GrpcStats,
        settings: &GrpcSettings,
        streams_end: CancellationToken,
    ) -> Self {
        Self(Arc::new(EdgeState {
            market,
            limits,
            stats,
            call_timeout: settings.call_timeout,
            streams: Arc::new(Semaphore::new(
                settings.max_open_streams.min(Semaphore::MAX_PERMITS),
            )),
            streams_end,
        }))
    }
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge {
            state: Arc::clone(&self.0),
            inner,
        }
    }
}

/// Services with the edge around them.
#[derive(Debug, Clone)]
pub(crate) struct Edge<S> {
    state: Arc<EdgeState>,
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
        // Tonic has a deadline too, but answers CANCELLED without details: ours is checked first.
        let began = Instant::now();
        let wanted = deadline::read(request.headers());
        let limit = self.state.call_timeout;
        let deadline = began + wanted.map_or(limit, |wanted| wanted.min(limit));
        let state = Arc::clone(&self.state);
        let client = client_address(request.extensions());
        request.extensions_mut().insert(client);
        let method = Method::of(request.uri().path());
        if let Some(class) = method.class
            && !state.limits.are_off()
        {
            request.extensions_mut().insert(RateLimitState {
                limits: state.limits.clone(),
                class,
                client,
            });
        }
        let id = RequestId::of(request.headers(), || state.market.ids().next());
        let span = tracing::info_span!(
            "call",
            request_id = id.text(),
            method = method.path,
            user = field::Empty,
        );
        let answer = span.in_scope(|| self.inner.call(request));
        let call = async move {
            let mut guard = CallGuard {
                stats: state.stats.clone(),
                method,
                began,
                answered: None,
            };
            let (mut response, permit) = match state.acquire(method) {
                Ok(permit) => (before_deadline(answer, deadline).await, permit),
                Err(error) => (Status::from(error).into_http(), None),
            };
            let code = code_of(response.headers());
            if code == Code::Ok && method.streams {
                let end = state.streams_end.clone();
                response = response.map(|body| CancellableBody::wrap(body, end, permit));
            }
            response
                .headers_mut()
                .insert(X_REQUEST_ID, id.into_header());
            guard.answered = Some(code);
            Ok(response)
        };
        Box::pin(call.instrument(span))
    }
}

/// The handler's answer, if it comes in time and without a panic.
async fn before_deadline(
    answer: impl Future<Output = Result<Response<Body>, Infallible>>,
    deadline: Instant,
) -> Response<Body> {
    let answer = AssertUnwindSafe(answer).catch_unwind();
    let error = match tokio::time::timeout_at(deadline, answer).await {
        Ok(Ok(Ok(response))) => match transport::error(response.headers()) {
            None => return response,
            Some(error) => error,
        },
        Ok(Err(panic)) => RpcError::internal(panic_message(panic.as_ref())),
        Err(_) => RpcError::timed_out(),
    };
    Status::from(error).into_http()
}

/// The address at the other end of a call's connection.
fn client_address(call: &Extensions) -> ClientAddress {
    let encrypted = || call.get().map(TlsConnectInfo::<TcpConnectInfo>::get_ref);
    let connection = call.get::<TcpConnectInfo>().or_else(encrypted);
    ClientAddress::of_peer(connection.and_then(TcpConnectInfo::remote_addr))
}

/// An error is in the headers; a success is in the trailers only.
fn code_of(headers: &HeaderMap<HeaderValue>) -> Code {
    let status = headers.get(Status::GRPC_STATUS);
    status.map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()))
}

/// Counts and logs a call when it is over, even if the client does not wait for it.
struct CallGuard {
    stats: GrpcStats,
    method: Method,
    began: Instant,
    answered: Option<Code>,
}

impl Drop for CallGuard {
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
