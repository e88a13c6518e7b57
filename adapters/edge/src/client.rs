//! Where a request comes from: the address at the other end of its connection or, behind trusted proxies, the one that they
//! name. It is personal data, and goes to no log.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Once;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address if it is not known.
const UNKNOWN: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The client's address; unspecified if it is not known. IPv4 is always IPv4, whatever the socket makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// As the outer layer has found it; unspecified if there is no connection, as in tests.
impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(UNKNOWN)))
    }
}

impl ClientAddress {
    /// The address at the other end of a connection.
    #[must_use]
    pub fn of_peer(peer: Option<SocketAddr>) -> Self {
        Self(peer.map_or(UNKNOWN, |peer| peer.ip().to_canonical()))
    }

    /// The address, if it is known.
    #[must_use]
    pub fn known(self) -> Option<IpAddr> {
        Some(self.0).filter(|address| !address.is_unspecified())
    }

    /// The peer's address, or the last one on the way here that belongs to no trusted proxy.
    #[must_use]
    pub fn of(
        peer: Option<&ConnectInfo<Peer>>,
        headers: &HeaderMap,
        trusted: &TrustedProxies,
    ) -> Self {
        let peer = peer.map(|ConnectInfo(Peer(peer))| *peer);
        let Self(peer) = Self::of_peer(peer);
        if peer.is_unspecified() {
            return Self(UNKNOWN);
        }
        if trusted.contains(peer) {
            return Self(trusted.sender(peer, headers));
        }
        if headers.contains_key(X_FORWARDED_FOR) {
            warn_once();
        }
        Self(peer)
    }
}

/// All clients behind a proxy that is not listed share its address and its limits. But a header proves no proxy, so the warning
/// comes once, and without the address.
fn warn_once() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "a request has X-Forwarded-For but comes from no proxy of http.trusted_proxies: if the proxy is yours, all clients \
             behind it share one address, its limits, and the waits after failed log-ins (logged once)"
        );
    });
}

/// Proxies that are believed about the address of their clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses (`192.0.2.1`) and networks (`10.0.0.0/8`).
    pub fn parse<S: AsRef<str>>(proxies: &[S]) -> Result<Self, InvalidProxy> {
        let proxies = proxies.iter().map(|one| network(one.as_ref()));
        proxies.collect::<Result<_, _>>().map(Self)
    }

    /// Whether one of them may be on this machine.
    #[must_use]
    pub fn has_loopback(&self) -> bool {
        let loopback = [
            IpNet::new_assert(Ipv4Addr::LOCALHOST.into(), 8),
            Ipv6Addr::LOCALHOST.to_canonical().into(),
        ];
        let overlap = |one: &IpNet, other: &IpNet| one.contains(other) || other.contains(one);
        let mut networks = self.0.iter();
        networks.any(|network| loopback.iter().any(|one| overlap(one, network)))
    }

    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Each proxy appends the address of its client: what comes before the last address that is not trusted may be forged.
    fn sender(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut sender = peer;
        for line in headers.get_all(X_FORWARDED_FOR).iter().rev() {
            let Ok(line) = line.to_str() else { break };
            for hop in line.rsplit(',') {
                let Some(address) = address(hop.trim()) else {
                    return sender;
                };
                sender = address;
                if !self.contains(address) {
                    return sender;
                }
            }
        }
        sender
    }
}

/// Neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidProxy(pub String);

impl fmt::Display for InvalidProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no address and no network: expected `192.0.2.1` or `10.0.0.0/8`",
            self.0
        )
    }
}

impl std::error::Error for InvalidProxy {}

fn network(text: &str) -> Result<IpNet, InvalidProxy> {
    let address = || text.parse().map(|one: IpAddr| one.to_canonical().into());
    let network = text.parse().or_else(|_| address());
    network.map_err(|_| InvalidProxy(text.to_owned()))
}

/// An address as proxies write it, some of them with the port.
fn address(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address.or_else(bracketed).map(|one| one.to_canonical())
}

/// The unit that connections are counted by: an address of IPv4 or a /64 network of IPv6, whose holder has all addresses in it.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    /// The client of a request with these headers, if 10.0.0.0/8 and ::1 are trusted.
    fn client(peer: &str, forwarded: &[&str]) -> String {
        let trusted = TrustedProxies::parse(&["10.0.0.0/8", "::1"]).unwrap();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            let value = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append(X_FORWARDED_FOR, value);
        }
        let peer = ConnectInfo(Peer(SocketAddr::new(peer.parse().unwrap(), 7)));
        let ClientAddress(address) = ClientAddress::of(Some(&peer), &headers, &trusted);
        address.to_string()
    }

    #[test]
    fn an_untrusted_peer_is_the_client() {
        assert_eq!(client("192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("::ffff:192.0.2.1", &[]), "192.0.2.1");
        let unknown = ClientAddress::of(None, &HeaderMap::new(), &TrustedProxies::default());
        assert_eq!(unknown, ClientAddress(UNKNOWN));
    }

    #[test]
    fn a_trusted_proxy_is_believed_up_to_the_last_untrusted_address() {
        for (forwarded, expected) in [
            (&["198.51.100.7"][..], "198.51.100.7"),
            (&["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            (&["203.0.113.9, 198.51.100.7, 10.2.2.2"], "198.51.100.7"),
            (&["203.0.113.9, 198.51.100.7", "10.2.2.2"], "198.51.100.7"),
            (&["198.51.100.7:4711"], "198.51.100.7"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["[2001:db8::7]:4711"], "2001:db8::7"),
            (&["::ffff:198.51.100.7"], "198.51.100.7"),
            (&["203.0.113.9", "::ffff:10.1.1.1"], "203.0.113.9"),
        ] {
            assert_eq!(client("10.1.1.1", forwarded), expected, "{forwarded:?}");
            assert_eq!(client("::1", forwarded), expected, "{forwarded:?}");
            let mapped = client("::ffff:10.1.1.1", forwarded);
            assert_eq!(mapped, expected, "{forwarded:?}");
        }
    }

    #[test]
    fn without_a_usable_address_the_last_known_proxy_is_the_client() {
        for (forwarded, expected) in [
            (&[][..], "10.1.1.1"),
            (&[""], "10.1.1.1"),
            (&["unknown"], "10.1.1.1"),
            (&["198.51.100.7, unknown"], "10.1.1.1"),
            (&["198.51.100.7,"], "10.1.1.1"),
            (&["198.51.100.7, unknown, 10.2.2.2"], "10.2.2.2"),
            (&["198.51.100.7", "unknown\u{e9}"], "10.1.1.1"),
            (&["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        ] {
            assert_eq!(client("10.1.1.1", forwarded), expected, "{forwarded:?}");
        }
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        assert_eq!(
            TrustedProxies::parse::<&str>(&[]),
            Ok(TrustedProxies::default())
        );
        let mapped = TrustedProxies::parse(&["::ffff:192.0.2.1"]).unwrap();
        assert!(mapped.contains(IpAddr::from([192, 0, 2, 1])));
        for (proxy, expected) in [
            ("127.0.0.1", true),
            ("127.0.0.53", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("127.0.0.0/30", true),
            ("0.0.0.0/0", true),
            ("::/0", true),
            ("10.0.0.0/8", false),
            ("2001:db8::/32", false),
        ] {
            let proxies = TrustedProxies::parse(&[proxy]).unwrap();
            assert_eq!(proxies.has_loopback(), expected, "{proxy}");
        }
        for bad in ["", "proxy.example.com", "10.0.0.0/33", "10.0.0.0/", "*"] {
            let error = InvalidProxy(bad.to_owned());
            assert_eq!(TrustedProxies::parse(&[bad]), Err(error), "{bad}");
        }
    }
}
