//! A user is registered, with an account in every asset.

use std::net::IpAddr;

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::refusal::UserRefusal;
use p2p_domain::user::{Caller, Email, PasswordHash};
use p2p_domain::{
    Account, AccountId, AccountKey, Asset, Exchanger, Language, Refusal, Role, Roles, User, UserId,
};

use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::ports::{Ids, IdsExt};

/// Registers a user. The caller of this command decides who may choose which roles.
#[derive(Debug, Clone)]
pub struct RegisterUser {
    /// The administrator who registers the user; `None`: the user registers themself, or the program registers its first users.
    by: Option<Caller>,
    /// The address from which a user registers themself.
    address: Option<IpAddr>,
    id: UserId,
    email: Email,
    name: String,
    roles: Roles,
    password: Option<PasswordHash>,
    language: Language,
    wallet: Vec<(Asset, AccountId)>,
}

impl RegisterUser {
    /// A registration with new ids for the user and for each account of the wallet.
    #[must_use]
    pub fn new(
        ids: &dyn Ids,
        email: Email,
        name: String,
        roles: Roles,
        password: Option<PasswordHash>,
    ) -> Self {
        let wallet = Asset::ALL
            .iter()
            .map(|asset| (*asset, ids.fresh()))
            .collect();
        Self {
            by: None,
            address: None,
            id: ids.fresh(),
            email,
            name,
            roles,
            password,
            language: Language::English,
            wallet,
        }
    }
}

impl RegisterUser {
    /// The same by an administrator, whose role must still be in storage.
    #[must_use]
    pub const fn by(mut self, administrator: Caller) -> Self {
        self.by = Some(administrator);
        self
    }

    /// The same from this address.
    #[must_use]
    pub const fn from_address(mut self, address: Option<IpAddr>) -> Self {
        self.address = address;
        self
    }

    /// The same with this language instead of English.
    #[must_use]
    pub const fn speaking(mut self, language: Language) -> Self {
        self.language = language;
        self
    }
}

impl Command for RegisterUser {
    type Outcome = User;

    fn read_set(&self, reads: &mut ReadSet) {
        if let Some(caller) = self.by {
            reads.caller(caller);
        }
        reads.lock_of::<User>(self.email.clone());
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<User, Refusal> {
        if let Some(caller) = self.by {
            uow.require_staff(caller, Role::Admin)?;
        }
        let is_taken = |user: &User| user.email == self.email;
        if !uow.find_all::<User>(is_taken).is_empty() {
            return Err(Refusal::User(UserRefusal::EmailTaken));
        }
        let user = User {
            language: self.language,
            ..User::register(
                self.id,
                self.email.clone(),
                self.name.clone(),
                self.roles,
                self.password.clone(),
                uow.now(),
            )
        };
        for (asset, account) in &self.wallet {
            uow.save(Account::open(*account, AccountKey::user(user.id, *asset)));
        }
        if user.roles.contains(Role::Exchanger) {
            uow.save(Exchanger::new(user.id));
        }
        let (action, subject) = (AuditAction::UserRegistered, user.id.to_string());
        let roles: Vec<_> = user.roles.iter().map(Role::name).collect();
        let detail = serde_json::json!({ "roles": roles }).to_string();
        uow.note(match self.by {
            Some(caller) => AuditNote::by(caller, action, subject, detail),
            None => AuditNote {
                address: self.address,
                ..AuditNote::by_system(action, subject, detail)
            },
        })?;
        uow.save(user.clone());
        Ok(user)
    }
}
