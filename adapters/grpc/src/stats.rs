//! Counters of the gRPC interface, for the metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tonic::Code;

use crate::methods::{self, Method};

/// The codes of gRPC are 0 to 16.
const CODES: usize = 17;

/// Calls by method and code. Clones share the counters.
#[derive(Debug, Clone)]
pub struct GrpcStats(Arc<[[Counter; CODES]; methods::COUNT]>);

#[derive(Debug, Default)]
struct Counter {
    calls: AtomicU64,
    micros: AtomicU64,
}

/// The calls of one method that were answered with one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCount {
    /// The method's full name, such as `/payment.v1.PaymentService/GetPayment`; `(none)` stands for unknown methods.
    pub method: &'static str,
    /// The code's name, such as `NOT_FOUND`. CANCELLED: the client did not wait for the answer.
    pub code: &'static str,
    /// The number of calls.
    pub calls: u64,
    /// Their total duration; of streams, until they began.
    pub time: Duration,
}

impl Default for GrpcStats {
    fn default() -> Self {
        let row = |_| std::array::from_fn(|_| Counter::default());
        Self(Arc::new(std::array::from_fn(row)))
    }
}

impl GrpcStats {
    pub(crate) fn count(&self, method: Method, code: Code, took: Duration) {
        let code = usize::try_from(i32::from(code)).unwrap_or_default();
        let row = self.0.get(method.index);
        let Some(counter) = row.and_then(|row| row.get(code)) else {
            return;
        };
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        counter.calls.fetch_add(1, Relaxed);
        counter.micros.fetch_add(micros, Relaxed);
    }

    /// The calls so far, for every method and code that occurred.
    #[must_use]
    pub fn snapshot(&self) -> Vec<CallCount> {
        let mut counts = Vec::new();
        for (index, row) in self.0.iter().enumerate() {
            for (code, counter) in (0..).zip(row) {
                let calls = counter.calls.load(Relaxed);
                if calls > 0 {
                    counts.push(CallCount {
                        method: Method::at(index).path,
                        code: name(Code::from_i32(code)),
                        calls,
                        time: Duration::from_micros(counter.micros.load(Relaxed)),
                    });
                }
            }
        }
        counts
    }
}

/// The name of a code in the specification.
pub(crate) const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_method_and_code() {
        let stats = GrpcStats::default();
        let method = Method::of("/payment.v1.PaymentService/GetPayment");
        let second = Duration::from_secs(1);
        stats.count(method, Code::Ok, second);
        stats.clone().count(method, Code::Ok, second);
        stats.count(Method::of("/no/such"), Code::Unimplemented, second);
        let count = |method, code, calls: u32| CallCount {
            method,
            code,
            calls: calls.into(),
            time: second * calls,
        };
        assert_eq!(
            stats.snapshot(),
            [
                count("(none)", "UNIMPLEMENTED", 1),
                count("/payment.v1.PaymentService/GetPayment", "OK", 2)
            ]
        );
    }
}
