//! Query strings. All parameters are optional; unknown ones are errors, so that a misspelt filter is not ignored.

use std::collections::HashSet;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::json::{MAX_ERRORS, field_errors, shown_message, shown_name};
use crate::problem::{FieldError, ProblemDetails};
use crate::value::InvalidValue;

/// The parameters of the query string.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned + Validate,
    S: Send + Sync,
{
    type Rejection = ProblemDetails;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemDetails> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned + Validate>(query: &str) -> Result<T, ProblemDetails> {
    let value: T = serde_urlencoded::from_str(query)
        .map_err(|error| ProblemDetails::invalid_query(explain::<T>(query, &error.to_string())))?;
    value
        .validate()
        .map_err(|errors| ProblemDetails::invalid_query(field_errors(&errors)))?;
    Ok(value)
}

/// The error in each parameter: as all are optional, each can be read alone.
fn explain<T: DeserializeOwned>(query: &str, otherwise: &str) -> Vec<FieldError> {
    let mut seen = HashSet::new();
    let mut errors = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if errors.len() == MAX_ERRORS {
            break;
        }
        let name = serde_urlencoded::from_str::<Vec<(String, String)>>(pair)
            .ok()
            .and_then(|pairs| pairs.into_iter().next())
            .map(|(name, _)| name)
            .unwrap_or_default();
        let field = shown_name(&name);
        if !seen.insert(name) {
            errors.push(FieldError::new(field, "DUPLICATE_FIELD", "is given twice"));
        } else if let Err(error) = serde_urlencoded::from_str::<T>(pair) {
            let error = InvalidValue::from_text(&shown_message(&error.to_string()));
            errors.push(FieldError::invalid(field, error));
        }
    }
    if errors.is_empty() {
        let error = InvalidValue::from_text(&shown_message(otherwise));
        errors.push(FieldError::invalid("", error));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer};

    /// Refuses every text but `user_1`, by a code of its own.
    #[derive(Debug, PartialEq)]
    struct UserId;

    impl<'de> Deserialize<'de> for UserId {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            match String::deserialize(from)?.as_str() {
                "user_1" => Ok(Self),
                _ => Err(D::Error::custom(InvalidValue::new(
                    "MALFORMED_ID",
                    "is no id",
                ))),
            }
        }
    }

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        exchanger_id: Option<UserId>,
        online_only: Option<bool>,
        #[serde(alias = "most")]
        #[validate(range(min = 1, max = 100))]
        limit: Option<u32>,
    }

    fn codes(query: &str) -> Vec<(String, String)> {
        let problem = parse::<Filter>(query).unwrap_err();
        assert_eq!(problem.code(), "INVALID_QUERY");
        let errors = problem.errors().iter();
        errors
            .map(|error| (error.field.clone(), error.code.to_string()))
            .collect()
    }

    #[test]
    fn good_queries_are_read() {
        let filter: Filter = parse("limit=5&online_only=true").unwrap();
        assert_eq!((filter.limit, filter.online_only), (Some(5), Some(true)));
        assert_eq!(parse::<Filter>("").unwrap().exchanger_id, None);
    }

    #[test]
    fn every_bad_parameter_is_named() {
        assert_eq!(
            codes("limit=-1&online_only=maybe&colour=red&exchanger_id=user_2"),
            [
                ("limit".into(), "WRONG_TYPE".into()),
                ("online_only".into(), "WRONG_TYPE".into()),
                ("colour".into(), "UNKNOWN_FIELD".into()),
                ("exchanger_id".into(), "MALFORMED_ID".into()),
            ]
        );
        assert_eq!(
            codes("limit=1&limit=2"),
            [("limit".into(), "DUPLICATE_FIELD".into())]
        );
        assert_eq!(
            codes("limit=1&most=2"),
            [(String::new(), "DUPLICATE_FIELD".into())]
        );
        assert_eq!(
            codes("limit=101"),
            [("limit".into(), "OUT_OF_RANGE".into())]
        );
    }
}
