//! What memory knows of each aggregate: the name of its table, and which rows are found by something else than their keys.

use std::fmt::Display;

use p2p_domain::listing::ListingState;
use p2p_domain::user::{Email, User};
use p2p_domain::{
    Account, Conduct, Dispute, Exchanger, FailedAttempts, Listing, Mailbox, Notification, Offer,
    OfferId, Order, Payment, SecondFactor, Session, UserId, Withdrawal,
};

use crate::tables::Stored;

impl Stored for User {
    const TABLE: &'static str = "users";

    fn id(&self) -> Option<&dyn Display> {
        Some(&self.id)
    }

    fn belongs_to(&self, email: &Email) -> bool {
        self.email == *email
    }
}

impl Stored for FailedAttempts {
    const TABLE: &'static str = "log_in_attempts";

    fn id(&self) -> Option<&dyn Display> {
        None
    }
}

impl Stored for SecondFactor {
    const TABLE: &'static str = "second_factors";

    fn id(&self) -> Option<&dyn Display> {
        None
    }
}

impl Stored for Session {
    const TABLE: &'static str = "sessions";

    fn id(&self) -> Option<&dyn Display> {
        Some(&self.id)
    }

    fn belongs_to(&self, user: &UserId) -> bool {
        self.user == *user && self.ended.is_none()
    }
}

impl Stored for Offer {
    const TABLE: &'static str = "offers";

    fn id(&self) -> Option<&dyn Display> {
        Some(&self.id)
    }
}

impl Stored for Dispute {
    const TABLE: &'static str = "disputes";

    fn id(&self) -> Option<&dyn Display> {
        Some(&self.id)
    }

    fn belongs_to(&self, offer: &OfferId) -> bool {
        self.offer == *offer
    }
}

impl Stored for Exchanger {
    const TABLE: &'static str = "exchangers";

    fn id(&self) -> Option<&dyn Display> {
        None
    }
}

impl Stored for Listing {
    const TABLE: &'static str = "listings";

    fn id(&self) -> Option<&dyn Display> {
        Some(&self.id)
    }

    fn belongs_to(&self, exchanger: &UserId) -> bool {
        self.exchanger == *exchanger && self.state == ListingState::Active
    }
}

impl Stored for Withdrawal {
    const TABLE: &'static str = "withdrawals";

    fn id(&self) -> Option<&dyn Display> {
        Some(&self.id)
    }
}

impl Stored for Order {
    const TABLE: &'static str = "orders";

    fn id(&self) -> Option<&dyn Display> {
        Some(&self.id)
    }
}

impl Stored for Payment {
    const TABLE: &'static str = "payments";

    fn id(&self) -> Option<&dyn Display> {
        Some(&self.id)
    }
}

impl Stored for Account {
    const TABLE: &'static str = "accounts";

    fn id(&self) -> Option<&dyn Display> {
        Some(&self.id)
    }
}

impl Stored for Mailbox {
    const TABLE: &'static str = "mailboxes";

    fn id(&self) -> Option<&dyn Display> {
        Some(&self.user)
    }
}

impl Stored for Notification {
    const TABLE: &'static str = "notifications";

    fn id(&self) -> Option<&dyn Display> {
        Some(&self.id)
    }
}

impl Stored for Conduct {
    const TABLE: &'static str = "conducts";

    fn id(&self) -> Option<&dyn Display> {
        None
    }
}
