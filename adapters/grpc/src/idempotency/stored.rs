//! Replies as they are stored under a key: the encoded message or the encoded status.

use p2p_application::ports::Reply;
use p2p_domain::Refusal;
use prost::Message;
use tonic::Status;

use crate::rpc_error::RpcError;

/// The tag of a stored message.
const MESSAGE: u16 = 0;

/// The tag of a stored status.
const STATUS: u16 = 1;

/// A message to be stored.
pub(super) fn answer(message: &impl Message) -> Reply {
    Reply {
        tag: MESSAGE,
        body: message.encode_to_vec(),
    }
}

/// A refusal to be stored: its details hold the whole status.
pub(super) fn refusal(refusal: Refusal) -> Reply {
    Reply {
        tag: STATUS,
        body: Status::from(RpcError::from(refusal)).details().to_vec(),
    }
}

/// The stored message, or the stored refusal.
pub(super) fn read<A: Message + Default>(reply: &Reply) -> Result<Result<A, Status>, RpcError> {
    let body = reply.body.as_slice();
    match reply.tag {
        MESSAGE => {
            let answer = A::decode(body).map_err(|error| unreadable(&error.to_string()))?;
            Ok(Ok(answer))
        }
        STATUS => {
            let status = tonic_types::Status::decode(body)
                .map_err(|error| unreadable(&error.to_string()))?;
            let code = tonic::Code::from_i32(status.code);
            let details = reply.body.clone().into();
            Ok(Err(Status::with_details(code, status.message, details)))
        }
        other => Err(unreadable(&format!("its tag is {other}"))),
    }
}

fn unreadable(why: &str) -> RpcError {
    RpcError::internal(format!("a stored reply can't be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::refusal::Resource;
    use tonic::Code;
    use tonic_types::StatusExt;

    #[test]
    fn a_stored_message_is_read_back() {
        let message = crate::proto::p2p::OpenDisputeRequest {
            offer_id: "ключ".to_owned(),
            opened_by: 2,
            reason: "\0\u{ff}".to_owned(),
        };
        let read_back = read(&answer(&message)).unwrap().unwrap();
        assert_eq!(message, read_back);
    }

    #[test]
    fn a_stored_refusal_is_read_back_with_its_details() {
        let stored = refusal(Refusal::NotFound(Resource::Offer));
        assert_eq!(stored.tag, 1);
        let status = read::<()>(&stored).unwrap().unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.message(), "there is no such offer");
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, "OFFER_NOT_FOUND");
    }

    #[test]
    fn other_bytes_and_other_tags_are_no_reply() {
        for (tag, body) in [(MESSAGE, &[0xff][..]), (STATUS, &[0xff]), (200, &[])] {
            let reply = Reply {
                tag,
                body: body.to_vec(),
            };
            let read = read::<crate::proto::p2p::OpenDisputeRequest>(&reply);
            assert!(read.is_err(), "{tag} {body:?}");
        }
    }
}
