//! The machine under the market: its clock, its ids, passwords, tokens, second factors, and counting for rate limits.
//!
//! *What it may import*: the application's ports and the crates that do the work (argon2, jsonwebtoken, totp-rs, zxcvbn). It is the
//! only place where real time and real randomness come from; `clippy.toml` bans them elsewhere.
//!
//! *How to add the next thing*: one file per port. HTTP and gRPC share what is here through the ports, never directly.

mod clock;
mod ids;
mod limits;
mod passwords;
mod random;
mod second_factors;
mod tokens;

pub use clock::SystemClock;
pub use ids::UuidIds;
pub use limits::InProcessLimits;
pub use passwords::{Argon2Passwords, BreachedPasswords, PasswordCost};
pub use random::random_bits;
pub use second_factors::{SealSettings, ShortSecret, TotpSecondFactors, present_code};
pub use tokens::{JwtSettings, JwtTokens, KeyError, TokenKey};
