//! Accounts of people: registration, e-mail address, password, language, roles.

mod password;
mod ports;
mod queries;
mod register;
mod set_language;
mod set_roles;
mod verify_email;

pub(crate) use password::reset_token;
pub use password::{
    ChangePassword, OfferedPassword, ResetPassword, change_password, must_be_strong, request_reset,
    reset_password,
};
pub use ports::UserQueries;
pub use queries::get_user;
pub use register::RegisterUser;
pub use set_language::SetLanguage;
pub use set_roles::SetRoles;
pub use verify_email::{VerifyEmail, request_verification, verify_email};
