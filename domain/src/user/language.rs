//! Languages.

use crate::named::named;

named! {
    /// The language of a user's mails and notifications, by its ISO 639-1 code.
    Language {
        English = "en",
        Russian = "ru",
    }
}
