//! The policy of an operation: who may call it, what a repeat does, whether it asks for the second factor, and what it counts
//! towards. Each handler declares its own in its `#[utoipa::path]`, as the extension [`EXTENSION`]; everything else reads it from
//! the description: the documentation, the rate limits, the idempotency extractor and the tests of access.

use std::collections::HashMap;

use axum::extract::MatchedPath;
use axum::http::Method;
use p2p_application::limits::Class;
use p2p_domain::Role;
use serde::{Serialize, Serializer};
use serde_json::json;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem};

/// The extension of an operation that holds its policy.
const EXTENSION: &str = "x-policy";

/// What a handler declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Policy {
    access: Access,
    idempotency: Idempotency,
    #[serde(rename = "rate_class", serialize_with = "class_name")]
    class: Option<Class>,
    step_up: StepUp,
}

impl Policy {
    /// An operation that changes nothing.
    pub(crate) const fn read(access: Access) -> Self {
        Self {
            access,
            idempotency: Idempotency::Safe,
            class: Some(Class::Read),
            step_up: StepUp::Never,
        }
    }

    /// An operation that changes something, and takes an idempotency key.
    pub(crate) const fn change(access: Access) -> Self {
        Self {
            access,
            idempotency: Idempotency::Key,
            class: Some(Class::Write),
            step_up: StepUp::Never,
        }
    }

    /// An operation for operators: without a token and without a rate limit.
    pub(crate) const fn operator() -> Self {
        Self {
            access: Access::PUBLIC,
            idempotency: Idempotency::Safe,
            class: None,
            step_up: StepUp::Never,
        }
    }

    pub(crate) const fn class(self, class: Class) -> Self {
        Self {
            class: Some(class),
            ..self
        }
    }

    pub(crate) const fn idempotency(self, idempotency: Idempotency) -> Self {
        Self {
            idempotency,
            ..self
        }
    }

    pub(crate) const fn step_up(self, step_up: StepUp) -> Self {
        Self { step_up, ..self }
    }
}

fn class_name<S: Serializer>(class: &Option<Class>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(class.map_or("none", Class::name))
}

/// Who may call an operation. Use cases enforce it; the tests of access compare it with what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Access {
    /// The same callers, whatever the path names.
    Callers(Grant),
    /// It depends on whether the caller owns what the path names.
    Owned { own: Grant, others: Grant },
}

impl Access {
    /// Without a token.
    pub(crate) const PUBLIC: Self = Self::Callers(Grant::Public);
    /// With a token, even of an account without roles.
    pub(crate) const AUTHENTICATED: Self = Self::Callers(Grant::Authenticated);
    /// With at least one role.
    pub(crate) const ANY_ROLE: Self = Self::Callers(Grant::AnyRole);
    /// The owner of what the path names, or a side of the deal.
    pub(crate) const OWNER: Self = Self::Owned {
        own: Grant::Authenticated,
        others: Grant::None,
    };

    /// With this role.
    pub(crate) const fn role(role: Role) -> Self {
        Self::Callers(Grant::Role(role))
    }

    /// The owner, and callers with this role.
    pub(crate) const fn owner_or(role: Role) -> Self {
        Self::Owned {
            own: Grant::Authenticated,
            others: Grant::Role(role),
        }
    }

    /// The owner, with this role.
    pub(crate) const fn owner_with(role: Role) -> Self {
        Self::Owned {
            own: Grant::Role(role),
            others: Grant::None,
        }
    }

    /// Callers with this role, but not about what is their own.
    pub(crate) const fn not_owner_with(role: Role) -> Self {
        Self::Owned {
            own: Grant::None,
            others: Grant::Role(role),
        }
    }
}

/// A set of callers. A role stands for those that include it, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    Public,
    Authenticated,
    AnyRole,
    Role(Role),
    None,
}

impl Grant {
    const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Authenticated => "authenticated",
            Self::AnyRole => "any_role",
            Self::Role(role) => role.name(),
            Self::None => "none",
        }
    }
}

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// A closed set of values, by their names in the description.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $value:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub(crate) enum $name {
            $($(#[$of])* #[serde(rename = $text)] $value,)*
        }

        impl $name {
            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$value),)*
                    _ => None,
                }
            }
        }
    };
}

named! {
    /// What sending a request again does.
    Idempotency {
        /// Nothing is changed at all.
        Safe = "safe",
        /// With a key, the request takes effect once and gets the same answer.
        Key = "key",
        /// The same, and without a key the request is refused.
        KeyRequired = "key_required",
        /// The key names what is made, for ever; without a key the request is refused.
        KeyIsName = "key_is_name",
        /// No key: the answer is a secret, and is not stored for a repeat.
        SecretAnswer = "secret_answer",
        /// No key: a repeat has no further effect.
        Repeatable = "repeatable",
        /// No key: the signed body has an id of its own.
        OwnId = "own_id",
    }
}

impl Idempotency {
    /// Whether requests may carry a key.
    pub(crate) const fn takes_key(self) -> bool {
        matches!(self, Self::Key | Self::KeyRequired | Self::KeyIsName)
    }

    /// Whether requests without a key are refused.
    pub(crate) const fn requires_key(self) -> bool {
        matches!(self, Self::KeyRequired | Self::KeyIsName)
    }
}

named! {
    /// Whether the second factor must have been shown shortly before.
    StepUp {
        /// It makes no difference.
        Never = "never",
        /// It is required of those who use one, and of staff who act for others.
        Required = "required",
        /// The operator's settings require it, or don't.
        Configurable = "configurable",
    }
}

/// The part of a policy that is needed while requests are served and described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) public: bool,
    pub(crate) idempotency: Idempotency,
    pub(crate) step_up: StepUp,
    /// `None`: not limited.
    pub(crate) class: Option<Class>,
}

impl Declared {
    /// The policy that an operation's description declares.
    pub(crate) fn of(operation: &Operation) -> Option<Self> {
        let policy = operation.extensions.as_ref()?.get(EXTENSION)?;
        let class = policy["rate_class"].as_str()?;
        let known = Class::ALL.into_iter().find(|one| one.name() == class);
        if known.is_none() && class != "none" {
            return None;
        }
        Some(Self {
            public: policy["access"] == json!(Grant::Public),
            idempotency: Idempotency::from_name(policy["idempotency"].as_str()?)?,
            step_up: StepUp::from_name(policy["step_up"].as_str()?)?,
            class: known,
        })
    }
}

/// The methods that operations have.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// The policies of all operations, by path and method.
#[derive(Debug)]
pub(crate) struct Policies(HashMap<String, [Option<Declared>; METHODS.len()]>);

impl Policies {
    pub(crate) fn of(api: &OpenApi) -> Self {
        let paths = api.paths.paths.iter();
        Self(
            paths
                .map(|(path, item)| (path.clone(), of_path(item)))
                .collect(),
        )
    }

    /// The policy of a request's operation; `None` where the route has no operation for the method.
    pub(crate) fn find(&self, route: Option<&MatchedPath>, method: &Method) -> Option<Declared> {
        self.get(route.map_or("", MatchedPath::as_str), method)
    }

    fn get(&self, route: &str, method: &Method) -> Option<Declared> {
        let wanted = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let index = METHODS.iter().position(|one| one == wanted)?;
        *self.0.get(route)?.get(index)?
    }

    /// The rate class of a request; `None` where it is not limited. A request that no operation is there for is limited, too.
    pub(crate) fn class(&self, route: Option<&MatchedPath>, method: &Method) -> Option<Class> {
        let path = route.map_or("", MatchedPath::as_str);
        if PAGES.iter().any(|page| path.starts_with(page)) {
            return None;
        }
        match self.find(route, method) {
            Some(declared) => declared.class,
            None if method.is_safe() && *method != Method::OPTIONS => Some(Class::Read),
            None => Some(Class::Write),
        }
    }
}

/// Pages of the documentation, which are no operations, and are not limited.
const PAGES: [&str; 2] = ["/swagger-ui", "/api-docs"];

fn of_path(item: &PathItem) -> [Option<Declared>; METHODS.len()] {
    [&item.get, &item.post, &item.put, &item.patch, &item.delete]
        .map(|operation| operation.as_ref().and_then(Declared::of))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_of(method: &str, path: &str) -> Option<Class> {
        let policies = Policies::of(&crate::openapi());
        let method: Method = method.parse().unwrap();
        policies.get(path, &method).expect(path).class
    }

    #[test]
    fn rate_classes_are_read_from_the_description() {
        for (method, path, class) in [
            ("GET", "/healthz", None),
            ("GET", "/readyz", None),
            ("GET", "/metrics", None),
            ("POST", "/api/auth/login", Some(Class::Login)),
            ("POST", "/api/auth/register", Some(Class::Login)),
            ("POST", "/api/auth/password", Some(Class::Login)),
            ("POST", "/api/auth/2fa/enroll", Some(Class::Login)),
            ("POST", "/api/auth/2fa/verify", Some(Class::Write)),
            ("POST", "/api/auth/refresh", Some(Class::Write)),
            ("POST", "/api/callbacks/payments", Some(Class::Callback)),
            ("GET", "/api/p2p/payment-reports", Some(Class::Read)),
            ("GET", "/api/events", Some(Class::Stream)),
            ("GET", "/api/ws", Some(Class::Stream)),
            ("GET", "/api/p2p/listings", Some(Class::Read)),
            ("POST", "/api/p2p/listings", Some(Class::Write)),
            ("PATCH", "/api/users/me", Some(Class::Write)),
            (
                "PUT",
                "/api/p2p/exchange-offers/{offer_id}/response",
                Some(Class::Write),
            ),
            (
                "DELETE",
                "/api/p2p/listings/{listing_id}",
                Some(Class::Write),
            ),
        ] {
            assert_eq!(class_of(method, path), class, "{method} {path}");
        }
    }

    #[test]
    fn requests_without_an_operation_are_limited() {
        let policies = Policies::of(&crate::openapi());
        assert_eq!(policies.class(None, &Method::HEAD), Some(Class::Read));
        assert_eq!(policies.class(None, &Method::GET), Some(Class::Read));
        assert_eq!(policies.class(None, &Method::OPTIONS), Some(Class::Write));
    }

    #[test]
    fn a_policy_is_read_as_it_was_declared() {
        let declared = |policy: Policy| {
            let mut operation = Operation::new();
            operation.extensions = Some([(EXTENSION, json!(policy))].into_iter().collect());
            Declared::of(&operation)
        };
        let change = Policy::change(Access::PUBLIC)
            .class(Class::Login)
            .idempotency(Idempotency::KeyRequired)
            .step_up(StepUp::Configurable);
        let expected = Declared {
            public: true,
            idempotency: Idempotency::KeyRequired,
            step_up: StepUp::Configurable,
            class: Some(Class::Login),
        };
        assert_eq!(declared(change), Some(expected));
        let read = declared(Policy::read(Access::owner_or(Role::Moderator))).unwrap();
        assert!(!read.public && !read.idempotency.takes_key());
        assert_eq!(declared(Policy::operator()).unwrap().class, None);
        assert_eq!(Declared::of(&Operation::new()), None);
    }
}
