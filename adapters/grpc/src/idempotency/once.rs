//! Executes a change, once for its idempotency key.

use p2p_application::ports::IdempotencyKey;
use p2p_application::{Caller, Command, Market, idempotency};
use p2p_domain::TypedId;
use p2p_edge::digest::first_half;
use p2p_edge::idempotency::read_key;
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Response, Status};

use super::stored;
use crate::rpc_error::RpcError;

/// Marks an answer that was given before.
pub(crate) fn mark_replayed(metadata: &mut MetadataMap) {
    metadata.insert("idempotency-replayed", MetadataValue::from_static("true"));
}

/// Executes a call's command: once for its key, if it has one.
#[derive(Debug)]
pub(crate) struct Once {
    key: Option<String>,
    /// The method's full name.
    operation: String,
    fingerprint: u128,
}

impl Once {
    /// For a call of this method with this message.
    pub(crate) fn of(
        metadata: &MetadataMap,
        operation: String,
        message: &impl Message,
    ) -> Result<Self, RpcError> {
        let key = read_key(metadata.as_ref()).map_err(|_| RpcError::bad_idempotency_key())?;
        Ok(Self {
            fingerprint: match key {
                Some(_) => fingerprint(&operation, message),
                None => 0,
            },
            key,
            operation,
        })
    }

    /// Executes the command and answers. With a key the reply, even a refusal, is stored in the commit of its effect, and given
    /// again to the same call.
    pub(crate) async fn carry_out<C: Command, A: Message + Default>(
        self,
        market: &Market,
        caller: Caller,
        command: C,
        render: impl Fn(C::Outcome) -> A + Send + Sync + 'static,
    ) -> Result<Response<A>, Status> {
        let Some(key) = self.key else {
            let outcome = market.execute(command).await.map_err(RpcError::from)?;
            return Ok(Response::new(render(outcome)));
        };
        let once = idempotency::Once {
            command,
            key: IdempotencyKey {
                caller: caller.user.as_u128(),
                operation: self.operation,
                key,
            },
            fingerprint: self.fingerprint,
            render: move |decision| match decision {
                Ok(outcome) => stored::answer(&render(outcome)),
                Err(refusal) => stored::refusal(refusal),
            },
        };
        let replied = market.execute(once).await.map_err(RpcError::from)?;
        let mut answer = stored::read(&replied.reply)?.map(Response::new);
        if replied.replayed {
            mark_replayed(match &mut answer {
                Ok(response) => response.metadata_mut(),
                Err(status) => status.metadata_mut(),
            });
        }
        answer
    }
}

/// The fingerprint of a call. Equal fields are always encoded alike.
fn fingerprint(operation: &str, message: &impl Message) -> u128 {
    let mut digest = Sha256::new();
    digest.update(operation);
    digest.update(b"\n");
    digest.update(message.encode_to_vec());
    first_half(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::p2p::{ConfirmPaymentRequest, ConfirmReceiptRequest};

    #[test]
    fn different_calls_have_different_fingerprints() {
        let digests = [
            fingerprint("a", &ConfirmReceiptRequest::default()),
            fingerprint("b", &ConfirmReceiptRequest::default()),
            fingerprint(
                "a",
                &ConfirmReceiptRequest {
                    offer_id: "1".to_owned(),
                    ..Default::default()
                },
            ),
            fingerprint(
                "a",
                &ConfirmPaymentRequest {
                    customer_id: "1".to_owned(),
                    ..Default::default()
                },
            ),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest), "{index}");
        }
    }
}
