//! What goes wrong with RabbitMQ, in the port's words; and how long is waited for it.

use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPHardError};
use p2p_application::ports::BrokerError;

/// For one question to the broker and its answer.
pub(super) const ANSWER: Duration = Duration::from_secs(4);

/// The broker has not answered in time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("no answer in time")]
pub(super) struct TimedOut;

impl From<TimedOut> for BrokerError {
    fn from(late: TimedOut) -> Self {
        unavailable(late)
    }
}

/// Of what kind an error is.
pub(super) fn explain(error: lapin::Error) -> BrokerError {
    if let ErrorKind::ProtocolError(said) = error.kind() {
        let final_word = match said.kind() {
            // Closes a channel: something is missing, or is otherwise than we want it, or is not ours to use.
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

/// The answer to one question, or that there was none in time.
pub(super) async fn answer<T>(
    question: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(ANSWER, question).await {
        Ok(answer) => answer.map_err(explain),
        Err(_) => Err(TimedOut.into()),
    }
}
