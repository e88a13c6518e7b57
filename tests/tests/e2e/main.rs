//! The market over HTTP and through the broker, from end to end.

mod bad_input;
mod events;
mod orders;
mod push;
mod races;
mod timeouts;
mod walkthrough;
