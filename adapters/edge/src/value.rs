//! Values that can't be read from a text.

use std::borrow::Cow;
use std::fmt;

/// Why a field's text can't be used: a stable code and a sentence. It travels through serde's errors as their text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidValue {
    pub code: Cow<'static, str>,
    pub message: String,
}

impl InvalidValue {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: Cow::Borrowed(code),
            message: message.into(),
        }
    }

    /// Reads it back out of the text of a serde error: by our own code, or by what serde itself reports.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let is_code = |head: &str| {
            head.len() > 2 && head.bytes().all(|b| b == b'_' || b.is_ascii_uppercase())
        };
        match text.split_once(": ") {
            Some((code, message)) if is_code(code) => Self {
                code: Cow::Owned(code.to_owned()),
                message: message.to_owned(),
            },
            _ if text.starts_with("unknown field") => Self::new("UNKNOWN_FIELD", text),
            _ if text.starts_with("duplicate field") => Self::new("DUPLICATE_FIELD", text),
            _ => Self::new("WRONG_TYPE", text),
        }
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}
