//! What exactly is wrong with a body that could not be read: the slow path, taken only by bad requests.
//!
//! The good path reads a body in one go and stops at the first error. Here the body is taken apart and each field is
//! tried alone, so that the client hears of all of them at once.

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

use crate::problem::{FieldError, Problem};
use crate::wire::Fault;

/// How much of a serde message is shown, in characters: it may quote what the client sent.
const MESSAGE: usize = 300;

/// How much of a field's name is shown, in characters.
const NAME: usize = 100;

/// How many bad fields are named at most: more than any body has, and far fewer than there is room for in one.
pub(super) const MOST: usize = 20;

/// Whether there might be a NUL character in it, which PostgreSQL has no place for. In JSON it can only be escaped.
pub(super) fn may_contain_nul(bytes: &[u8]) -> bool {
    bytes.windows(6).any(|six| six == b"\\u0000")
}

/// Everything that is wrong with a body, or nothing.
pub(super) fn explain<T: DeserializeOwned + PartialSchema>(bytes: &[u8]) -> Option<Problem> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Some(Problem::not_json("the body is not UTF-8"));
    };
    if text.trim().is_empty() {
        return Some(Problem::not_json(
            "the body is empty; a JSON object is needed",
        ));
    }
    let members = match serde_json::from_str::<&RawValue>(text) {
        Err(error) => return Some(Problem::not_json(error.to_string())),
        Ok(raw) => match serde_json::from_str::<Members<'_>>(raw.get()) {
            Err(error) if error.is_data() => return Some(not_an_object()),
            Err(error) => return Some(Problem::not_json(error.to_string())),
            Ok(members) => members.0,
        },
    };
    let fields = Fields::of_schema::<T>();
    let mut given = HashSet::new();
    let mut errors: Vec<FieldError> = Vec::new();
    for (name, raw) in &members {
        let is_new = given.insert(fields.of(name));
        if errors.len() == MOST {
            // Nothing more is said, but what is there is not missing.
        } else if !is_new {
            let name = shown(name);
            errors.push(FieldError::new(name, "DUPLICATE_FIELD", "is given twice"));
        } else if let Some((path, fault)) = fault_of::<T>(name, raw) {
            errors.push(FieldError::of(
                shown(&[name.as_str(), &path].concat()),
                fault,
            ));
        }
    }
    let missing = fields
        .required
        .iter()
        .filter(|name| !given.contains(&fields.of(name)))
        .map(|name| FieldError::new(name, "MISSING_FIELD", "is required"));
    errors.extend(missing);
    errors.truncate(MOST);
    (!errors.is_empty()).then(|| Problem::invalid(errors))
}

fn not_an_object() -> Problem {
    Problem::invalid(vec![FieldError::new(
        "",
        "WRONG_TYPE",
        "the body must be a JSON object",
    )])
}

/// What is wrong with one member, and where inside of it.
fn fault_of<T: DeserializeOwned>(name: &str, raw: &RawValue) -> Option<(String, Fault)> {
    let value = || serde_json::from_str::<Value>(raw.get());
    if may_contain_nul(raw.get().as_bytes()) && value().is_ok_and(|value| has_nul(&value)) {
        let fault = Fault::new("INVALID_CHARACTER", "must not contain the character U+0000");
        return Some((String::new(), fault));
    }
    let found = RefCell::new(None);
    // Whether the other fields are missing is not asked here: only what the member itself leads to is kept.
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
    message(text.strip_suffix(&position).unwrap_or(&text))
}

/// A message as far as it is shown.
pub(super) fn message(text: &str) -> String {
    shortened(text, MESSAGE)
}

/// A field's name as far as it is shown.
pub(super) fn shown(name: &str) -> String {
    shortened(name, NAME)
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => [text.get(..end).unwrap_or_default(), "…"].concat(),
        None => text.to_owned(),
    }
}

/// Other words that a field may go by, where it is not a field by itself.
const OTHER_WORDS: [(&str, &str); 1] = [("price", "amount")];

/// The fields of a body, as the documentation has them.
struct Fields {
    all: Vec<String>,
    /// Those that must be there.
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
        let other = OTHER_WORDS.iter().find(|(word, _)| *word == name);
        match other {
            Some((_, field)) if !self.all.contains(&name) => (*field).to_owned(),
            _ => name,
        }
    }
}

/// One form of a name for comparison: some bodies take `userId` for `user_id` as well.
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
pub(crate) struct Members<'a>(pub(crate) Vec<(String, &'a RawValue)>);

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

/// An object with one member only, which notes what becomes of it.
struct OneMember<'a> {
    name: &'a str,
    raw: &'a RawValue,
    found: &'a RefCell<Option<(String, Fault)>>,
}

impl<'de> Deserializer<'de> for OneMember<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Once {
            member: self,
            pending: true,
        })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Once<'a> {
    member: OneMember<'a>,
    pending: bool,
}

impl<'de> MapAccess<'de> for Once<'de> {
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
                let fault = Fault::new("UNKNOWN_FIELD", plain(error));
                self.member.found.replace(Some((String::new(), fault)));
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
            // A member is well-formed as far as its outline goes, but may hold a lone surrogate, or be too deep.
            let fault = if error.is_syntax() {
                Fault::new("INVALID_TEXT", plain(error))
            } else {
                Fault::from_text(&plain(error))
            };
            self.member.found.replace(Some((path, fault)));
        })
    }
}
