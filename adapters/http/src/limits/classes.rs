//! The class of each operation, by its description: so that none is forgotten.

use std::collections::HashMap;

use axum::extract::MatchedPath;
use axum::http::Method;
use p2p_application::limits::Class;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem};

use crate::docs::needs_token;
use crate::{ops, push};

/// What needs no token here is a log-in, or leads to one.
const LOG_IN: &str = "/api/auth/";
/// But for this: its token is no guess, and many who are logged in may be behind one address.
const REFRESH: &str = "/api/auth/refresh";
/// These take a password, which is as dear to look at as at a log-in.
const PASSWORDS: [&str; 2] = ["/api/auth/password", "/api/auth/2fa/enroll"];
const CALLBACKS: &str = "/api/callbacks/";

/// Pages and the description: no operations, and not limited.
const PAGES: [&str; 2] = ["/swagger-ui", "/api-docs"];

/// The methods that operations have.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// Which class every request is of; those for operators are of none.
#[derive(Debug)]
pub(crate) struct Classes(HashMap<String, [Option<Class>; METHODS.len()]>);

impl Classes {
    pub(crate) fn of(api: &OpenApi) -> Self {
        let paths = api.paths.paths.iter();
        Self(
            paths
                .map(|(path, item)| (path.clone(), of_path(path, item)))
                .collect(),
        )
    }

    /// The class of a request. One that no operation is there for is of some class, too.
    pub(crate) fn find(&self, route: Option<&MatchedPath>, method: &Method) -> Option<Class> {
        let route = route.map_or("", MatchedPath::as_str);
        if PAGES.iter().any(|page| route.starts_with(page)) {
            return None;
        }
        let wanted = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let index = METHODS.iter().position(|one| one == wanted);
        let known = self.0.get(route);
        match known.zip(index) {
            Some((classes, index)) => classes[index],
            None => Some(usual(wanted)),
        }
    }
}

const fn usual(method: &Method) -> Class {
    match *method {
        Method::GET => Class::Read,
        _ => Class::Write,
    }
}

fn of_path(path: &str, item: &PathItem) -> [Option<Class>; METHODS.len()] {
    let operations = [&item.get, &item.post, &item.put, &item.patch, &item.delete];
    let mut classes = METHODS.map(|method| Some(usual(&method)));
    for (class, operation) in classes.iter_mut().zip(operations) {
        if let Some(operation) = operation {
            *class = special(path, operation).unwrap_or(*class);
        }
    }
    classes
}

/// The class of an operation that is not of the usual one of its method.
fn special(path: &str, operation: &Operation) -> Option<Option<Class>> {
    let has_tag = |tag: &str| operation.tags.iter().flatten().any(|one| one == tag);
    if has_tag(ops::TAG) {
        Some(None)
    } else if has_tag(push::TAG) {
        Some(Some(Class::Stream))
    } else if path.starts_with(CALLBACKS) {
        Some(Some(Class::Callback))
    } else if PASSWORDS.contains(&path)
        || path.starts_with(LOG_IN) && path != REFRESH && !needs_token(operation)
    {
        Some(Some(Class::Login))
    } else {
        None
    }
}

/// Whether an operation's answers tell of limits.
pub(crate) fn is_limited(operation: &Operation) -> bool {
    !operation.tags.iter().flatten().any(|tag| tag == ops::TAG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_of(method: &str, path: &str) -> Option<Class> {
        let classes = Classes::of(&crate::openapi());
        let known = classes.0.get(path).expect(path);
        let method: Method = method.parse().unwrap();
        known[METHODS.iter().position(|one| *one == method).unwrap()]
    }

    #[test]
    fn operations_are_of_the_class_that_they_look_like() {
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
    fn what_is_unknown_is_of_some_class_too() {
        let classes = Classes::of(&crate::openapi());
        assert_eq!(classes.find(None, &Method::HEAD), Some(Class::Read));
        assert_eq!(classes.find(None, &Method::OPTIONS), Some(Class::Write));
    }
}
