//! Where a call comes from: the address at the other end of its connection. It is personal data, and goes to no log.

use std::net::{IpAddr, Ipv6Addr};

use tonic::codegen::http::Extensions;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};

/// Who calls, by address; IPv4 is always that, whatever the socket makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    /// As the connection says; unspecified where there is none.
    pub(crate) fn of(call: &Extensions) -> Self {
        let encrypted = || call.get().map(TlsConnectInfo::<TcpConnectInfo>::get_ref);
        let connection = call.get::<TcpConnectInfo>().or_else(encrypted);
        let peer = connection.and_then(TcpConnectInfo::remote_addr);
        Self(peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| {
            peer.ip().to_canonical()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_who_the_connection_says() {
        let client = |peer: &str| {
            let mut call = Extensions::new();
            call.insert(TcpConnectInfo {
                local_addr: None,
                remote_addr: Some(peer.parse().unwrap()),
            });
            ClientAddress::of(&call).0.to_string()
        };
        assert_eq!(client("192.0.2.1:7"), "192.0.2.1");
        assert_eq!(client("[::ffff:192.0.2.1]:7"), "192.0.2.1");
        assert_eq!(client("[2001:db8::7]:7"), "2001:db8::7");
        assert!(ClientAddress::of(&Extensions::new()).0.is_unspecified());
    }
}
