//! Every error of a body that could not be read: the slow path, taken only by bad requests.
//!
//! The fast path reads a body in one go and stops at the first error. Here the body is taken apart and each field is read
//! alone, so that the client learns of all errors at once.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Error, Value};
use utoipa::PartialSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::problem::{FieldError, ProblemDetails};
use crate::value::InvalidValue;

/// The longest message that is shown, in characters: serde may quote what the client sent.
const MAX_MESSAGE: usize = 300;

/// The longest name of a field that is shown, in characters.
const MAX_NAME: usize = 100;

/// How many bad fields are named at most: more than any body has, and far fewer than fit into one.
pub(crate) const MAX_ERRORS: usize = 20;

/// Whether the bytes may hold a NUL character, which PostgreSQL can't store. In JSON it can only be escaped.
pub(super) fn may_contain_nul(bytes: &[u8]) -> bool {
    bytes.windows(6).any(|six| six == b"\\u0000")
}

/// All errors of a body; `None` if it has none.
pub(super) fn explain<T: DeserializeOwned + PartialSchema>(bytes: &[u8]) -> Option<ProblemDetails> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Some(ProblemDetails::not_json("the body is not UTF-8"));
    };
    if text.trim().is_empty() {
        return Some(ProblemDetails::not_json(
            "the body is empty; a JSON object is needed",
        ));
    }
    let members = match serde_json::from_str::<&RawValue>(text) {
        Err(error) => return Some(ProblemDetails::not_json(error.to_string())),
        Ok(raw) => match serde_json::from_str::<Members<'_>>(raw.get()) {
            Err(error) if error.is_data() => return Some(not_an_object()),
            Err(error) => return Some(ProblemDetails::not_json(error.to_string())),
            Ok(members) => members.0,
        },
    };
    let fields = Fields::of_schema::<T>();
    let mut given = HashSet::new();
    let mut errors: Vec<FieldError> = Vec::new();
    for (name, raw) in &members {
        let is_new = given.insert(fields.of(name));
        if errors.len() == MAX_ERRORS {
            // No further error is listed, but a field that was given is not missing.
        } else if !is_new {
            let name = shown_name(name);
            errors.push(FieldError::new(name, "DUPLICATE_FIELD", "is given twice"));
        } else if let Some((path, error)) = error_in::<T>(name, raw) {
            errors.push(FieldError::invalid(
                shown_name(&[name.as_str(), &path].concat()),
                error,
            ));
        }
    }
    let missing = fields
        .required
        .iter()
        .filter(|name| !given.contains(&fields.of(name)))
        .map(|name| FieldError::new(name, "MISSING_FIELD", "is required"));
    errors.extend(missing);
    errors.truncate(MAX_ERRORS);
    (!errors.is_empty()).then(|| ProblemDetails::invalid(errors))
}

fn not_an_object() -> ProblemDetails {
    ProblemDetails::invalid(vec![FieldError::new(
        "",
        "WRONG_TYPE",
        "the body must be a JSON object",
    )])
}

/// The error in one member, and its path inside of it.
fn error_in<T: DeserializeOwned>(name: &str, raw: &RawValue) -> Option<(String, InvalidValue)> {
    let value = || serde_json::from_str::<Value>(raw.get());
    if may_contain_nul(raw.get().as_bytes()) && value().is_ok_and(|value| has_nul(&value)) {
        let error = InvalidValue::new("INVALID_CHARACTER", "must not contain the character U+0000");
        return Some((String::new(), error));
    }
    let found = RefCell::new(None);
    // The other fields are missing here, which is no error: only what the member itself leads to is noted.
    let _ = T::deserialize(OneMember {
        name,
        raw,
        found: &found,
    });
    found.into_inner()
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The message without its position, which would be that within the one member.
fn plain(error: &Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    shown_message(text.strip_suffix(&position).unwrap_or(&text))
}

/// A message, shortened.
pub(crate) fn shown_message(text: &str) -> String {
    shortened(text, MAX_MESSAGE)
}

/// A field's name, shortened.
pub(crate) fn shown_name(name: &str) -> String {
    shortened(name, MAX_NAME)
}

fn shortened(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => [text.get(..end).unwrap_or_default(), "…"].concat(),
        None => text.to_owned(),
    }
}

/// Other names of a field, in bodies that have no field of that name.
const ALIASES: [(&str, &str); 1] = [("price", "amount")];

/// The fields of a body, as the documentation has them.
struct Fields {
    all: Vec<String>,
    /// The required ones.
    required: Vec<String>,
}

impl Fields {
    fn of_schema<T: PartialSchema>() -> Self {
        match T::schema() {
            RefOr::T(Schema::Object(object)) => Self {
                all: object
                    .properties
                    .keys()
                    .map(|name| camel_case(name))
                    .collect(),
                required: object.required,
            },
            _ => Self {
                all: Vec::new(),
                required: Vec::new(),
            },
        }
    }

    /// One form of a field's names for comparison.
    fn of(&self, name: &str) -> String {
        let name = camel_case(name);
        let other = ALIASES.iter().find(|(word, _)| *word == name);
        match other {
            Some((_, field)) if !self.all.contains(&name) => (*field).to_owned(),
            _ => name,
        }
    }
}

/// One form of a name for comparison: some bodies accept `userId` for `user_id` as well.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

/// The members of an object, in their order.
#[derive(Debug)]
pub struct Members<'a>(pub Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Collect)
    }
}

/// An object of one member, which notes the error that reading it leads to.
struct OneMember<'a> {
    name: &'a str,
    raw: &'a RawValue,
    found: &'a RefCell<Option<(String, InvalidValue)>>,
}

impl<'de> Deserializer<'de> for OneMember<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(SingleEntry {
            member: self,
            pending: true,
        })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct SingleEntry<'a> {
    member: OneMember<'a>,
    pending: bool,
}

impl<'de> MapAccess<'de> for SingleEntry<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        if !std::mem::take(&mut self.pending) {
            return Ok(None);
        }
        seed.deserialize(StrDeserializer::<Error>::new(self.member.name))
            .map(Some)
            .inspect_err(|error| {
                let error = InvalidValue::new("UNKNOWN_FIELD", plain(error));
                self.member.found.replace(Some((String::new(), error)));
            })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let mut track = serde_path_to_error::Track::new();
        let mut json = serde_json::Deserializer::from_str(self.member.raw.get());
        let value = seed.deserialize(serde_path_to_error::Deserializer::new(
            &mut json, &mut track,
        ));
        value.inspect_err(|error| {
            let path = track.path().to_string();
            let path = if path == "." { String::new() } else { path };
            // The outline of a member is well-formed, but it may hold a lone surrogate or be too deep.
            let error = if error.is_syntax() {
                InvalidValue::new("INVALID_TEXT", plain(error))
            } else {
                InvalidValue::from_text(&plain(error))
            };
            self.member.found.replace(Some((path, error)));
        })
    }
}
