//! Accounts of people: registration, log-in, language, roles.

mod log_in;
mod queries;
mod register;
mod set_language;
mod set_roles;

pub use log_in::{LogInError, LoggedIn, log_in};
pub use queries::get_user;
pub use register::RegisterUser;
pub use set_language::SetLanguage;
pub use set_roles::SetRoles;
