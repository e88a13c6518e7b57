//! The payload: what a token says, in the registered claims of RFC 7519 and a few of our own.

use p2p_domain::user::Caller;
use p2p_domain::{Role, Roles, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Issuer and audience: both are this market.
const MARKET: &str = "p2p-market";

/// Of all kinds; each kind has those that it needs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: Market,
    pub(super) aud: Market,
    #[serde(with = "text")]
    pub(super) sub: UserId,
    /// Seconds since 1970, like all times here but `pwd`.
    pub(super) iat: i64,
    pub(super) nbf: i64,
    pub(super) exp: i64,
    /// The session.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<SessionId>,
    #[serde(default, with = "names", skip_serializing_if = "Option::is_none")]
    pub(super) roles: Option<Roles>,
    /// When the second factor was last shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mfa: Option<i64>,
    /// Which of the session's refresh tokens it is.
    #[serde(default, rename = "gen", skip_serializing_if = "Option::is_none")]
    pub(super) generation: Option<u32>,
    /// When the password was last set, in microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pwd: Option<i64>,
}

impl Claims {
    pub(super) const fn new(user: UserId, now: Timestamp, until: Timestamp) -> Self {
        let now = seconds(now);
        Self {
            iss: Market,
            aud: Market,
            sub: user,
            iat: now,
            nbf: now,
            exp: seconds(until),
            sid: None,
            roles: None,
            mfa: None,
            generation: None,
            pwd: None,
        }
    }

    pub(super) fn of(caller: Caller, now: Timestamp, until: Timestamp) -> Self {
        Self {
            sid: caller.session,
            roles: Some(caller.roles),
            mfa: caller.proved_at.map(seconds),
            ..Self::new(caller.user, now, until)
        }
    }
}

/// The market's own name; any other is rejected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Market;

impl Serialize for Market {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MARKET)
    }
}

impl<'de> Deserialize<'de> for Market {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match <&str>::deserialize(deserializer)? {
            MARKET => Ok(Self),
            _ => Err(serde::de::Error::custom(
                "a token of another issuer or audience",
            )),
        }
    }
}

/// Whole seconds, never later than the time itself.
pub(super) const fn seconds(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(1_000_000)
}

/// The beginning of that second.
pub(super) const fn time(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds.saturating_mul(1_000_000))
}

/// Ids as text.
mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<T, S>(value: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Display,
        S: Serializer,
    {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = <&str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

mod optional {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<T, S>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Display,
        S: Serializer,
    {
        match value {
            Some(value) => super::text::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        super::text::deserialize(deserializer).map(Some)
    }
}

/// Roles as a list of their names.
mod names {
    use std::fmt;

    use serde::de::{Deserializer, Error, SeqAccess, Visitor};
    use serde::ser::Serializer;

    use super::{Role, Roles};

    pub(super) fn serialize<S>(roles: &Option<Roles>, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        serializer.collect_seq(roles.unwrap_or_default().iter().map(Role::name))
    }

    pub(super) fn deserialize<'de, D>(deserializer: D) -> Result<Option<Roles>, D::Error>
    where
        D: Deserializer<'de>,
    {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Roles;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of roles")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Roles, A::Error> {
                let mut roles = Roles::default();
                while let Some(name) = names.next_element::<&str>()? {
                    let role: Role = name.parse().map_err(A::Error::custom)?;
                    roles = roles.iter().chain([role]).collect();
                }
                Ok(roles)
            }
        }

        deserializer.deserialize_seq(Names).map(Some)
    }
}
