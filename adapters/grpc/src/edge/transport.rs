//! Errors of the transport itself, which have no code of ours: they get one.

use tonic::codegen::http::{HeaderMap, HeaderValue};
use tonic::{Code, Status};

use crate::rpc_error::RpcError;

/// The error of an answer without details, if it has a code of ours.
pub(super) fn error(headers: &HeaderMap<HeaderValue>) -> Option<RpcError> {
    let status = headers.get(Status::GRPC_STATUS)?;
    if headers.contains_key(Status::GRPC_STATUS_DETAILS) {
        return None;
    }
    match Code::from_bytes(status.as_bytes()) {
        Code::OutOfRange => Some(RpcError::new(
            Code::ResourceExhausted,
            "PAYLOAD_TOO_LARGE",
            "the message is larger than anything that the market has use for",
        )),
        Code::Internal => Some(RpcError::new(
            Code::InvalidArgument,
            "MALFORMED_MESSAGE",
            "the message is not the one that this method takes",
        )),
        Code::Unimplemented => Some(RpcError::new(
            Code::Unimplemented,
            "METHOD_NOT_FOUND",
            "there is no such method, or not with this encoding",
        )),
        _ => None,
    }
}
