//! Errors of RabbitMQ as the port's errors, and time-outs.

use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPHardError};
use p2p_application::ports::BrokerError;

/// The time-out of one request to the broker.
pub(super) const REPLY_TIMEOUT: Duration = Duration::from_secs(4);

/// The broker has not replied in time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("no answer in time")]
pub(super) struct TimedOut;

impl From<TimedOut> for BrokerError {
    fn from(late: TimedOut) -> Self {
        unavailable(late)
    }
}

/// Classifies an error of the driver.
pub(super) fn explain(error: lapin::Error) -> BrokerError {
    if let ErrorKind::ProtocolError(said) = error.kind() {
        let final_word = match said.kind() {
            // A channel error: an object is missing, has other properties, or may not be used.
            AMQPErrorKind::Soft(_) => true,
            AMQPErrorKind::Hard(hard) => matches!(
                hard,
                AMQPHardError::NOTALLOWED
                    | AMQPHardError::NOTIMPLEMENTED
                    | AMQPHardError::INVALIDPATH
            ),
        };
        if final_word {
            return BrokerError::Refused {
                what: said.get_message().to_string(),
            };
        }
    }
    unavailable(error)
}

pub(super) fn unavailable(source: impl std::error::Error + Send + Sync + 'static) -> BrokerError {
    BrokerError::Unavailable {
        source: Box::new(source),
    }
}

/// The reply to one request, or a time-out.
pub(super) async fn answer<T>(
    question: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(REPLY_TIMEOUT, question).await {
        Ok(answer) => answer.map_err(explain),
        Err(_) => Err(TimedOut.into()),
    }
}
