//! What the contract says, as generated from it: messages, services and clients.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

/// All files of the contract, with their comments: an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Deals and disputes.
pub mod p2p {
    tonic::include_proto!("p2p");
}

/// Payments.
pub mod payment {
    /// Its first version.
    pub mod v1 {
        tonic::include_proto!("payment.v1");
    }
}
