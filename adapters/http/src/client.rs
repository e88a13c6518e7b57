//! Where a request comes from: the address at the other end of its connection, or, behind proxies that are trusted, the one
//! that they name. It is personal data, and goes to no log.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Once;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where it is not known.
const NOWHERE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Who asks, by address; IPv4 is always that, whatever the socket makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// The edge has found it out; unspecified where there is no connection, as in tests.
impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(NOWHERE)))
    }
}

impl ClientAddress {
    /// The peer's address, or the last one on the way here that is no trusted proxy's.
    pub(crate) fn of(
        peer: Option<&ConnectInfo<Peer>>,
        headers: &HeaderMap,
        trusted: &TrustedProxies,
    ) -> Self {
        let Some(ConnectInfo(Peer(peer))) = peer else {
            return Self(NOWHERE);
        };
        let peer = peer.ip().to_canonical();
        if trusted.contains(peer) {
            return Self(trusted.sender(peer, headers));
        }
        if headers.contains_key(X_FORWARDED_FOR) {
            warn_once();
        }
        Self(peer)
    }
}

/// A proxy that is not listed makes one address of everybody behind it, with one limit for all; but a header proves no proxy,
/// so it is said once, and without the address.
fn warn_once() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "a request has X-Forwarded-For, and comes from no proxy of http.trusted_proxies: if that was yours, all behind it \
             share one address, the limits of one, and each other's waits after failed log-ins (said once)"
        );
    });
}

/// Proxies that tell the truth about whom they speak for.
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
        let here = [
            IpNet::new_assert(Ipv4Addr::LOCALHOST.into(), 8),
            Ipv6Addr::LOCALHOST.to_canonical().into(),
        ];
        let meet = |one: &IpNet, other: &IpNet| one.contains(other) || other.contains(one);
        let mut networks = self.0.iter();
        networks.any(|network| here.iter().any(|one| meet(one, network)))
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Each proxy adds at the end whom it was asked by: what comes before the last one that is not trusted may be anything.
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

/// As proxies write it: some of them with the port.
fn address(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address.or_else(bracketed).map(|one| one.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    /// Whom a request is taken to come from, with these headers, where 10.0.0.0/8 and ::1 are trusted.
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
    fn a_stranger_is_who_the_connection_says() {
        assert_eq!(client("192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("::ffff:192.0.2.1", &[]), "192.0.2.1");
        let nobody = ClientAddress::of(None, &HeaderMap::new(), &TrustedProxies::default());
        assert_eq!(nobody, ClientAddress(NOWHERE));
    }

    #[test]
    fn a_trusted_proxy_is_believed_as_far_as_the_last_stranger() {
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
    fn where_nothing_usable_is_said_it_is_the_last_proxy_that_is_known() {
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
        for (proxy, here) in [
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
            assert_eq!(proxies.has_loopback(), here, "{proxy}");
        }
        for bad in ["", "proxy.example.com", "10.0.0.0/33", "10.0.0.0/", "*"] {
            let error = InvalidProxy(bad.to_owned());
            assert_eq!(TrustedProxies::parse(&[bad]), Err(error), "{bad}");
        }
    }
}
