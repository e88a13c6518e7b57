//! The validator's errors as entries of a problem.

use std::borrow::Cow;

use serde_json::Value;
use validator::{ValidationError, ValidationErrors};

use crate::problem::FieldError;

/// One entry for each violated rule, by field.
pub(crate) fn field_errors(errors: &ValidationErrors) -> Vec<FieldError> {
    let mut fields: Vec<_> = errors.field_errors().into_iter().collect();
    fields.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    fields
        .into_iter()
        .flat_map(|(field, errors)| errors.iter().map(move |error| entry(&field, error)))
        .collect()
}

fn entry(field: &str, error: &ValidationError) -> FieldError {
    let param = |name: &str| error.params.get(name).map(Value::to_string);
    let bounds = match (param("min"), param("max")) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => String::new(),
    };
    let is_list = matches!(error.params.get("value"), Some(Value::Array(_)));
    let (code, words): (Cow<'static, str>, String) = match error.code.as_ref() {
        "length" if is_list => (
            "INVALID_LENGTH".into(),
            format!("must have {bounds} entries"),
        ),
        "length" => (
            "INVALID_LENGTH".into(),
            format!("must have {bounds} characters"),
        ),
        "range" => ("OUT_OF_RANGE".into(), format!("must be {bounds}")),
        "email" => (
            "INVALID_EMAIL".into(),
            "is not an e-mail address".to_owned(),
        ),
        _ => (error.code.clone(), "can't be used".to_owned()),
    };
    let message = error.message.as_ref().map_or(words, ToString::to_string);
    FieldError::new(field, code, message)
}
