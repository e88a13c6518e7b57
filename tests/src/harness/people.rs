//! Who takes part, and what they have.

use p2p_application::Caller;
use p2p_application::exchanger::{SwitchOnline, UnfreezeExchanger};
use p2p_application::user::SetRoles;
use p2p_application::wallet::Deposit;
use p2p_domain::{Account, Asset, Decimal, Exchanger, Role, Roles, UserId};

use super::{Harness, Storage};

/// A decimal that is written in a test.
#[must_use]
pub fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal number")
}

impl<S: Storage> Harness<S> {
    /// Registers a customer.
    pub async fn customer(&self, name: &str) -> Caller {
        self.person(name, [Role::Customer]).await
    }

    /// Registers an exchanger, who goes online.
    pub async fn exchanger(&self, name: &str) -> Caller {
        let caller = self.person(name, [Role::Customer, Role::Exchanger]).await;
        self.switch(caller, true).await;
        caller
    }

    /// Turns an exchanger's switch.
    pub async fn switch(&self, exchanger: Caller, online: bool) -> Exchanger {
        self.done(SwitchOnline {
            caller: exchanger,
            exchanger: exchanger.user,
            online,
        })
        .await
    }

    /// Gives somebody exactly these roles.
    pub async fn appoint(&self, user: UserId, roles: Roles) {
        let caller = self.admin;
        self.done(SetRoles {
            caller,
            user,
            roles,
        })
        .await;
    }

    /// Lifts an exchanger's freeze.
    pub async fn unfreeze(&self, exchanger: Caller) -> Exchanger {
        self.done(UnfreezeExchanger {
            caller: self.moderator,
            exchanger: exchanger.user,
        })
        .await
    }

    /// What the market knows of an exchanger.
    pub async fn exchanger_record(&self, exchanger: UserId) -> Exchanger {
        let record = self.store.find_exchanger(exchanger).await;
        record.expect("reading").expect("an exchanger's record")
    }

    /// Books a deposit.
    pub async fn deposit(&self, user: Caller, amount: &str, asset: Asset) -> Account {
        self.done(deposit(self.admin, user, amount, asset)).await
    }
}

/// A deposit that somebody books for somebody.
#[must_use]
pub fn deposit(by: Caller, user: Caller, amount: &str, asset: Asset) -> Deposit {
    Deposit {
        caller: by,
        user: user.user,
        asset,
        amount: decimal(amount),
    }
}
