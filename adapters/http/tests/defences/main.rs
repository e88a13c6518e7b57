//! Access rights and hostile requests, for every operation that the documentation names.
//!
//! *What it is*: [`operations`] reads the documentation, [`access_fixture`] creates users and resources, [`call`] builds a
//! valid request about them, so that a refusal can only come from the one thing that a test adds. [`matrix`] checks the
//! table of rights, `matrix.txt`; [`overreach`] adds fields, parameters and headers that a request may not have;
//! [`hostile`] sends malicious bodies and paths, [`raw`] bytes that no client library sends; [`logs`] checks what is logged.
//!
//! *How to add the next thing*: a new operation needs a line in `matrix.txt`, and where the documentation's example is not
//! a valid request by itself, an arm in `call.rs`. All tests here pick it up from the documentation.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod access_fixture;
mod call;
#[path = "../fixture/mod.rs"]
mod fixture;
mod hostile;
mod logs;
mod matrix;
mod operations;
mod overreach;
mod raw;
