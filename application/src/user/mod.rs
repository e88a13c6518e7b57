//! Accounts of people: registration, e-mail address, password, language, roles.

mod password;
mod queries;
mod register;
mod set_language;
mod set_roles;
mod verify_email;

pub use password::{
    ChangePassword, ResetPassword, change_password, must_be_strong, request_reset, reset_password,
};
pub(crate) use password::{prove_password, reset_token};
pub use queries::get_user;
pub use register::RegisterUser;
pub use set_language::SetLanguage;
pub use set_roles::SetRoles;
pub use verify_email::{VerifyEmail, request_verification, verify_email};
