//! The methods that are served, by their full names: what calls are logged and counted by. Other paths can carry anything.

/// A method that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method {
    /// Its place in the list.
    pub(crate) index: usize,
    pub(crate) path: &'static str,
    /// Whether its answer goes on until somebody ends it.
    pub(crate) streams: bool,
}

/// Every path that is answered, and whether it streams; the first stands for all others.
const ALL: [(&str, bool); 17] = [
    ("(none)", false),
    ("/p2p.P2PExchangeService/CreateExchangeOffer", false),
    ("/p2p.P2PExchangeService/RespondExchangeOffer", false),
    ("/p2p.P2PExchangeService/ConfirmPayment", false),
    ("/p2p.P2PExchangeService/ConfirmReceipt", false),
    ("/p2p.P2PExchangeService/OpenDispute", false),
    ("/p2p.P2PExchangeService/GetTransactionStatus", false),
    ("/p2p.P2PExchangeService/SetExchangerStatus", false),
    ("/p2p.P2PExchangeService/CancelTransaction", false),
    ("/p2p.P2PExchangeService/ResolveDispute", false),
    ("/payment.v1.PaymentService/AuthorizePayment", false),
    ("/payment.v1.PaymentService/GetPayment", false),
    ("/payment.v1.PaymentService/GetAccountBalance", false),
    ("/grpc.health.v1.Health/Check", false),
    ("/grpc.health.v1.Health/Watch", true),
    (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        true,
    ),
    (
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        true,
    ),
];

/// How many there are.
pub(crate) const COUNT: usize = ALL.len();

impl Method {
    /// The method behind a path.
    pub(crate) fn of(path: &str) -> Self {
        let found = ALL.iter().position(|(known, _)| *known == path);
        Self::at(found.unwrap_or(0))
    }

    /// The method at this place.
    pub(crate) fn at(index: usize) -> Self {
        let (path, streams) = ALL.get(index).copied().unwrap_or(ALL[0]);
        Self {
            index,
            path,
            streams,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost_reflect::DescriptorPool;

    use super::*;

    #[test]
    fn every_method_that_is_served_is_in_the_list() {
        let mut pool = DescriptorPool::new();
        for descriptors in [
            crate::proto::DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ] {
            pool.decode_file_descriptor_set(descriptors).unwrap();
        }
        let mut served = BTreeSet::from([("(none)".to_owned(), false)]);
        for service in pool.services() {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                served.insert((path, method.is_server_streaming()));
            }
        }
        // Health has a list that tonic does not serve.
        served.retain(|(path, _)| path != "/grpc.health.v1.Health/List");
        let listed = ALL.map(|(path, streams)| (path.to_owned(), streams));
        assert_eq!(BTreeSet::from(listed), served);
        assert_eq!(Method::of("/no/such"), Method::at(0));
    }
}
