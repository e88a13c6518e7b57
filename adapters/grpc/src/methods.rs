//! The methods that are served, by their full names. Calls are logged and counted by these names, as other paths can carry
//! anything.

use p2p_application::limits::Class;

/// A method that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method {
    /// Its index in the list.
    pub(crate) index: usize,
    pub(crate) path: &'static str,
    /// Whether its answer is a stream that goes on until it is ended.
    pub(crate) streams: bool,
    /// The class of its rate limit; `None`: unlimited.
    pub(crate) class: Option<Class>,
}

/// The kind of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Reads,
    Change,
    Pays,
    /// For operators and tools; answers once.
    Reports,
    /// For operators and tools; goes on until it is ended.
    Streams,
}

/// Every path that is answered, and its kind; the first stands for all others.
const ALL: [(&str, Kind); 17] = [
    ("(none)", Kind::Reports),
    ("/p2p.P2PExchangeService/CreateExchangeOffer", Kind::Change),
    ("/p2p.P2PExchangeService/RespondExchangeOffer", Kind::Change),
    ("/p2p.P2PExchangeService/ConfirmPayment", Kind::Change),
    ("/p2p.P2PExchangeService/ConfirmReceipt", Kind::Change),
    ("/p2p.P2PExchangeService/OpenDispute", Kind::Change),
    ("/p2p.P2PExchangeService/GetTransactionStatus", Kind::Reads),
    ("/p2p.P2PExchangeService/SetExchangerStatus", Kind::Change),
    ("/p2p.P2PExchangeService/CancelTransaction", Kind::Change),
    ("/p2p.P2PExchangeService/ResolveDispute", Kind::Change),
    ("/payment.v1.PaymentService/AuthorizePayment", Kind::Pays),
    ("/payment.v1.PaymentService/GetPayment", Kind::Reads),
    ("/payment.v1.PaymentService/GetAccountBalance", Kind::Reads),
    ("/grpc.health.v1.Health/Check", Kind::Reports),
    ("/grpc.health.v1.Health/Watch", Kind::Streams),
    (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        Kind::Streams,
    ),
    (
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        Kind::Streams,
    ),
];

/// The number of methods.
pub(crate) const COUNT: usize = ALL.len();

impl Method {
    /// The method of a path.
    pub(crate) fn of(path: &str) -> Self {
        let found = ALL.iter().position(|(known, _)| *known == path);
        Self::at(found.unwrap_or(0))
    }

    /// The method at this index.
    pub(crate) fn at(index: usize) -> Self {
        let (path, kind) = ALL.get(index).copied().unwrap_or(ALL[0]);
        Self {
            index,
            path,
            streams: kind == Kind::Streams,
            class: match kind {
                Kind::Reads => Some(Class::Read),
                Kind::Change => Some(Class::Write),
                Kind::Pays => Some(Class::Pay),
                Kind::Reports | Kind::Streams => None,
            },
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
        let mut served = BTreeSet::from([("(none)".to_owned(), Kind::Reports)]);
        for service in pool.services() {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                let ours = !service.full_name().starts_with("grpc.");
                let kind = match (ours, method.is_server_streaming()) {
                    (true, _) if method.name().starts_with("Get") => Kind::Reads,
                    (true, _) if method.name() == "AuthorizePayment" => Kind::Pays,
                    (true, _) => Kind::Change,
                    (false, true) => Kind::Streams,
                    (false, false) => Kind::Reports,
                };
                served.insert((path, kind));
            }
        }
        // The health service has a method `List` that tonic does not serve.
        served.retain(|(path, _)| path != "/grpc.health.v1.Health/List");
        let listed = ALL.map(|(path, kind)| (path.to_owned(), kind));
        assert_eq!(BTreeSet::from(listed), served);
        assert_eq!(Method::of("/no/such"), Method::at(0));
    }
}
