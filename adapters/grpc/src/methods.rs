//! The methods that are served, by their full names: what calls are logged and counted by. Other paths can carry anything.

use p2p_application::limits::Class;

/// A method that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method {
    /// Its place in the list.
    pub(crate) index: usize,
    pub(crate) path: &'static str,
    /// Whether its answer goes on until somebody ends it.
    pub(crate) streams: bool,
    /// What its callers do; `None`: nothing that is limited.
    pub(crate) class: Option<Class>,
}

/// What a method is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Reads,
    Changes,
    Pays,
    /// For operators and tools; answers once.
    Tells,
    /// The same; goes on until somebody ends it.
    Streams,
}

/// Every path that is answered, and what it is like; the first stands for all others.
const ALL: [(&str, Kind); 17] = [
    ("(none)", Kind::Tells),
    ("/p2p.P2PExchangeService/CreateExchangeOffer", Kind::Changes),
    (
        "/p2p.P2PExchangeService/RespondExchangeOffer",
        Kind::Changes,
    ),
    ("/p2p.P2PExchangeService/ConfirmPayment", Kind::Changes),
    ("/p2p.P2PExchangeService/ConfirmReceipt", Kind::Changes),
    ("/p2p.P2PExchangeService/OpenDispute", Kind::Changes),
    ("/p2p.P2PExchangeService/GetTransactionStatus", Kind::Reads),
    ("/p2p.P2PExchangeService/SetExchangerStatus", Kind::Changes),
    ("/p2p.P2PExchangeService/CancelTransaction", Kind::Changes),
    ("/p2p.P2PExchangeService/ResolveDispute", Kind::Changes),
    ("/payment.v1.PaymentService/AuthorizePayment", Kind::Pays),
    ("/payment.v1.PaymentService/GetPayment", Kind::Reads),
    ("/payment.v1.PaymentService/GetAccountBalance", Kind::Reads),
    ("/grpc.health.v1.Health/Check", Kind::Tells),
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
        let (path, kind) = ALL.get(index).copied().unwrap_or(ALL[0]);
        Self {
            index,
            path,
            streams: kind == Kind::Streams,
            class: match kind {
                Kind::Reads => Some(Class::Read),
                Kind::Changes => Some(Class::Write),
                Kind::Pays => Some(Class::Pay),
                Kind::Tells | Kind::Streams => None,
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
        let mut served = BTreeSet::from([("(none)".to_owned(), Kind::Tells)]);
        for service in pool.services() {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                let ours = !service.full_name().starts_with("grpc.");
                let kind = match (ours, method.is_server_streaming()) {
                    (true, _) if method.name().starts_with("Get") => Kind::Reads,
                    (true, _) if method.name() == "AuthorizePayment" => Kind::Pays,
                    (true, _) => Kind::Changes,
                    (false, true) => Kind::Streams,
                    (false, false) => Kind::Tells,
                };
                served.insert((path, kind));
            }
        }
        // Health has a list that tonic does not serve.
        served.retain(|(path, _)| path != "/grpc.health.v1.Health/List");
        let listed = ALL.map(|(path, kind)| (path.to_owned(), kind));
        assert_eq!(BTreeSet::from(listed), served);
        assert_eq!(Method::of("/no/such"), Method::at(0));
    }
}
