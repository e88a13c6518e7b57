//! Errors of the transport itself, which come without a code of ours: they get one.

use tonic::codegen::http::{HeaderMap, HeaderValue};
use tonic::{Code, Status};

use crate::fault::Fault;

/// What an answer without details tells of, if it tells of an error that has a code.
pub(super) fn fault(headers: &HeaderMap<HeaderValue>) -> Option<Fault> {
    let status = headers.get(Status::GRPC_STATUS)?;
    if headers.contains_key(Status::GRPC_STATUS_DETAILS) {
        return None;
    }
    match Code::from_bytes(status.as_bytes()) {
        Code::OutOfRange => Some(Fault::new(
            Code::ResourceExhausted,
            "PAYLOAD_TOO_LARGE",
            "the message is larger than anything that the market has use for",
        )),
        Code::Internal => Some(Fault::new(
            Code::InvalidArgument,
            "MALFORMED_MESSAGE",
            "the message is not the one that this method takes",
        )),
        Code::Unimplemented => Some(Fault::new(
            Code::Unimplemented,
            "METHOD_NOT_FOUND",
            "there is no such method, or not with this encoding",
        )),
        _ => None,
    }
}
