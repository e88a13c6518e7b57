//! What an operator may choose about the HTTP side.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use axum::http::HeaderValue;

use p2p_edge::TrustedProxies;

/// How the API is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// How long a request may take before it is answered with 504.
    pub request_timeout: Duration,
    /// How long its body may take to come before it is answered with 408.
    pub body_timeout: Duration,
    /// How long browsers are to call this host over TLS only, in seconds; nothing is said of it where it is zero.
    pub hsts_seconds: u64,
    /// Which web pages of other origins may call the API from a browser.
    pub cors: CorsOrigins,
    /// The proxies whose forwarded addresses are trusted.
    pub trusted_proxies: TrustedProxies,
    pub streams: StreamSettings,
    pub callbacks: CallbackSettings,
    /// The trusted gateway, if there is one.
    pub gateway: Option<GatewaySettings>,
}

/// The trusted gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewaySettings {
    /// From where the gateway connects; where none is listed, from this machine.
    pub addresses: Vec<IpAddr>,
}

impl GatewaySettings {
    /// Whether the gateway connects from here.
    pub(crate) fn is_at(&self, peer: IpAddr) -> bool {
        if self.addresses.is_empty() {
            return peer.is_loopback();
        }
        let mut addresses = self.addresses.iter();
        addresses.any(|address| address.to_canonical() == peer)
    }
}

/// The limits of notification streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSettings {
    /// Streams of one user.
    pub per_user: usize,
    /// Streams in all.
    pub most: usize,
    /// A client that takes nothing for this long is dropped.
    pub patience: Duration,
}

impl Default for StreamSettings {
    /// Ten for each user, 10,000 in all; half a minute.
    fn default() -> Self {
        Self {
            per_user: 10,
            most: 10_000,
            patience: Duration::from_secs(30),
        }
    }
}

/// The payment providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackSettings {
    /// By the provider's name, what it signs its reports with.
    pub secrets: BTreeMap<String, Secret>,
    /// How old a report may be, and how far ahead the provider's clock.
    pub tolerance: Duration,
}

impl Default for CallbackSettings {
    /// No providers; five minutes.
    fn default() -> Self {
        Self {
            secrets: BTreeMap::new(),
            tolerance: Duration::from_secs(300),
        }
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Default for HttpSettings {
    /// Thirty seconds for a request, ten for its body, no other origins, no proxies and no payment providers.
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(10),
            hsts_seconds: 0,
            cors: CorsOrigins::None,
            trusted_proxies: TrustedProxies::default(),
            streams: StreamSettings::default(),
            callbacks: CallbackSettings::default(),
            gateway: None,
        }
    }
}

/// Origins other than the API's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    None,
    Any,
    Only(Vec<HeaderValue>),
}

impl CorsOrigins {
    /// Reads origins as an operator writes them: `https://app.example.com`; a single `*` stands for all.
    pub fn parse<S: AsRef<str>>(origins: &[S]) -> Result<Self, InvalidOrigin> {
        let origins: Vec<&str> = origins.iter().map(AsRef::as_ref).collect();
        Ok(match origins.as_slice() {
            [] => Self::None,
            ["*"] => Self::Any,
            some => Self::Only(
                some.iter()
                    .map(|one| origin(one))
                    .collect::<Result<_, _>>()?,
            ),
        })
    }
}

/// Not an origin such as `https://app.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidOrigin(pub String);

impl std::fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}` is not an origin: expected `https://host[:port]`, or a single `*`",
            self.0
        )
    }
}

impl std::error::Error for InvalidOrigin {}

fn origin(text: &str) -> Result<HeaderValue, InvalidOrigin> {
    let invalid = || InvalidOrigin(text.to_owned());
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or_else(invalid)?;
    if host.is_empty() || host.contains(['/', '*', ' ', '?', '#']) {
        return Err(invalid());
    }
    HeaderValue::from_str(text).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_checked() {
        assert_eq!(CorsOrigins::parse::<&str>(&[]), Ok(CorsOrigins::None));
        assert_eq!(CorsOrigins::parse(&["*"]), Ok(CorsOrigins::Any));
        let two = CorsOrigins::parse(&["https://app.example.com", "http://localhost:5173"]);
        assert!(matches!(two, Ok(CorsOrigins::Only(origins)) if origins.len() == 2));
        for bad in ["example.com", "https://", "https://a/", "ftp://a"] {
            let error = InvalidOrigin(bad.to_owned());
            assert_eq!(CorsOrigins::parse(&[bad]), Err(error));
        }
        assert!(CorsOrigins::parse(&["*", "https://a"]).is_err());
    }

    #[test]
    fn a_gateway_is_where_it_is_listed_or_on_this_machine() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let here = GatewaySettings::default();
        assert!(here.is_at(address("127.0.0.1")) && here.is_at(address("::1")));
        assert!(!here.is_at(address("10.0.0.7")));
        let there = GatewaySettings {
            addresses: vec![address("::ffff:10.0.0.7")],
        };
        assert!(there.is_at(address("10.0.0.7")));
        assert!(!there.is_at(address("127.0.0.1")) && !there.is_at(address("10.0.0.8")));
    }
}
