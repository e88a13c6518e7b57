//! Users: registration, e-mail address, password, language, roles.

mod password;
mod ports;
mod queries;
mod register;
mod set_language;
mod set_roles;
mod verify_email;

pub use password::{
    ChangePassword, ResetPassword, change_password, request_reset, require_strong_password,
    reset_password,
};
pub use ports::UserQueries;
pub use queries::get_user;
pub use register::RegisterUser;
pub use set_language::SetLanguage;
pub use set_roles::SetRoles;
pub use verify_email::{VerifyEmail, request_verification, verify_email};

use p2p_domain::User;

use crate::engine::Related;

impl Related for User {}
