//! What an operator may choose about the HTTP side.

use std::time::Duration;

use axum::http::HeaderValue;

/// How the API is served.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    pub(crate) request_timeout: Duration,
    pub(crate) cors: Cors,
}

/// Which web pages of other origins may call the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cors {
    None,
    Any,
    Only(Vec<HeaderValue>),
}

/// Not an origin such as `https://app.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidOrigin(pub String);

impl std::fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}` is not an origin: expected `https://host[:port]` or `*`",
            self.0
        )
    }
}

impl std::error::Error for InvalidOrigin {}

impl Default for HttpSettings {
    /// Thirty seconds for a request, and no other origins.
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            cors: Cors::None,
        }
    }
}

impl HttpSettings {
    /// How long a request may take before it is answered with 504.
    #[must_use]
    pub const fn with_request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// The origins whose pages may call the API from a browser; `*` stands for all of them.
    pub fn with_cors_origins<S: AsRef<str>>(
        mut self,
        origins: &[S],
    ) -> Result<Self, InvalidOrigin> {
        let origins: Vec<&str> = origins.iter().map(AsRef::as_ref).collect();
        self.cors = match origins.as_slice() {
            [] => Cors::None,
            ["*"] => Cors::Any,
            some => Cors::Only(
                some.iter()
                    .map(|one| origin(one))
                    .collect::<Result<_, _>>()?,
            ),
        };
        Ok(self)
    }
}

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
        let cors = |origins: &[&str]| {
            let settings = HttpSettings::default().with_cors_origins(origins);
            settings.map(|settings| settings.cors)
        };
        assert_eq!(cors(&[]), Ok(Cors::None));
        assert_eq!(cors(&["*"]), Ok(Cors::Any));
        assert!(cors(&["https://app.example.com", "http://localhost:5173"]).is_ok());
        for bad in ["example.com", "https://", "https://a/", "ftp://a"] {
            assert_eq!(cors(&[bad]), Err(InvalidOrigin(bad.to_owned())));
        }
        assert!(cors(&["*", "https://a"]).is_err());
    }
}
