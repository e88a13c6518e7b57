//! Errors of functions that may refuse for the reasons of several nouns.

macro_rules! one_of {
    ($(#[$doc:meta])* $name:ident { $($variant:ident($refusal:ty)),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name { $($variant($refusal)),* }

        $(impl From<$refusal> for $name {
            fn from(refusal: $refusal) -> Self { Self::$variant(refusal) }
        })*
    };
}

pub(crate) use one_of;
