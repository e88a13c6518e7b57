//! Answers as they are kept under a key: the encoded message, or the encoded status, in hexadecimal digits.

use p2p_application::Meaning;
use p2p_application::ports::Reply;
use p2p_domain::Refusal;
use prost::Message;
use tonic::Status;

use crate::fault::Fault;

/// What is kept says by its HTTP status which of the two it is.
const FINE: u16 = 200;

/// An answer to be kept.
pub(super) fn answer(message: &impl Message) -> Reply {
    Reply {
        status: FINE,
        body: digits(&message.encode_to_vec()),
    }
}

/// A refusal to be kept: its details say all of it.
pub(super) fn refusal(refusal: Refusal) -> Reply {
    Reply {
        status: Meaning::from(&refusal).http,
        body: digits(Status::from(Fault::from(refusal)).details()),
    }
}

/// The answer that was kept, or the refusal.
pub(super) fn read<A: Message + Default>(reply: &Reply) -> Result<Result<A, Status>, Fault> {
    let bytes = bytes(&reply.body).ok_or_else(|| unreadable("not in digits"))?;
    if reply.status == FINE {
        let answer = A::decode(bytes.as_slice()).map_err(|error| unreadable(&error.to_string()))?;
        return Ok(Ok(answer));
    }
    let status = tonic_types::Status::decode(bytes.as_slice())
        .map_err(|error| unreadable(&error.to_string()))?;
    let code = tonic::Code::from_i32(status.code);
    Ok(Err(Status::with_details(
        code,
        status.message,
        bytes.into(),
    )))
}

fn unreadable(why: &str) -> Fault {
    Fault::internal(format!("an answer that was kept can't be read: {why}"))
}

fn digits(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::refusal::Resource;
    use tonic::Code;
    use tonic_types::StatusExt;

    #[test]
    fn what_is_kept_is_read_back() {
        let message = crate::proto::p2p::OpenDisputeRequest {
            offer_id: "ключ".to_owned(),
            opened_by: 2,
            reason: "\0\u{ff}".to_owned(),
        };
        let read_back = read(&answer(&message)).unwrap().unwrap();
        assert_eq!(message, read_back);
    }

    #[test]
    fn a_refusal_is_read_back_with_its_details() {
        let kept = refusal(Refusal::NotFound(Resource::Offer));
        assert_eq!(kept.status, 404);
        let status = read::<()>(&kept).unwrap().unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.message(), "there is no such offer");
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, "OFFER_NOT_FOUND");
    }

    #[test]
    fn what_was_never_kept_is_no_answer() {
        for body in ["0", "zz", "ff"] {
            let reply = Reply {
                status: FINE,
                body: body.to_owned(),
            };
            let read = read::<crate::proto::p2p::OpenDisputeRequest>(&reply);
            assert!(read.is_err(), "{body}");
        }
    }
}
