//! The demo's users.

use anyhow::{Context, Result};
use p2p_application::listing::PublishListing;
use p2p_application::{Caller, Market};
use p2p_domain::user::Email;
use p2p_domain::{Asset, Decimal, ExchangeType, Role};

/// A demo user.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) roles: &'static [Role],
    pub(super) money: &'static [(Asset, &'static str)],
    pub(super) listings: &'static [Offered],
}

pub(super) struct Offered {
    exchange_type: ExchangeType,
    asset: Asset,
    fiat: Asset,
    price: &'static str,
    total: &'static str,
    limits: (&'static str, &'static str),
    methods: &'static [&'static str],
    terms: &'static str,
}

pub(super) const ADMIN: &str = "Adam";

pub(super) const PEOPLE: &[Person] = &[
    Person {
        name: ADMIN,
        roles: &[Role::Admin],
        money: &[],
        listings: &[],
    },
    Person {
        name: "Mona",
        roles: &[Role::Moderator],
        money: &[],
        listings: &[],
    },
    Person {
        name: "Alice",
        roles: &[Role::Customer],
        money: &[
            (Asset::Usdt, "1000"),
            (Asset::Btc, "0.5"),
            (Asset::Rub, "100000"),
        ],
        listings: &[],
    },
    Person {
        name: "Bob",
        roles: &[Role::Customer],
        money: &[(Asset::Usdt, "250"), (Asset::Rub, "15000")],
        listings: &[],
    },
    Person {
        name: "Dora",
        roles: &[Role::Customer, Role::Exchanger],
        money: &[(Asset::Usdt, "50000"), (Asset::Btc, "2")],
        listings: &[
            Offered {
                exchange_type: ExchangeType::CryptoToFiat,
                asset: Asset::Usdt,
                fiat: Asset::Eur,
                price: "0.93",
                total: "20000",
                limits: ("10", "5000"),
                methods: &["SEPA", "REVOLUT"],
                terms: "I pay by SEPA instant within ten minutes.",
            },
            Offered {
                exchange_type: ExchangeType::FiatToCrypto,
                asset: Asset::Usdt,
                fiat: Asset::Eur,
                price: "0.95",
                total: "20000",
                limits: ("10", "5000"),
                methods: &["SEPA"],
                terms: "Please pay from an account in your own name.",
            },
            Offered {
                exchange_type: ExchangeType::FiatToCrypto,
                asset: Asset::Btc,
                fiat: Asset::Usd,
                price: "97250.50",
                total: "1.5",
                limits: ("50", "20000"),
                methods: &["WISE"],
                terms: "",
            },
        ],
    },
    Person {
        name: "Emil",
        roles: &[Role::Customer, Role::Exchanger],
        money: &[(Asset::Usdt, "30000"), (Asset::Eth, "12")],
        listings: &[
            Offered {
                exchange_type: ExchangeType::CryptoToFiat,
                asset: Asset::Usdt,
                fiat: Asset::Rub,
                price: "92.40",
                total: "10000",
                limits: ("1000", "300000"),
                methods: &["CARD", "SBP"],
                terms: "",
            },
            Offered {
                exchange_type: ExchangeType::FiatToCrypto,
                asset: Asset::Usdt,
                fiat: Asset::Rub,
                price: "94.10",
                total: "10000",
                limits: ("1000", "300000"),
                methods: &["CARD", "SBP"],
                terms: "Без комментария к переводу, пожалуйста.",
            },
        ],
    },
];

impl Person {
    pub(super) fn email(&self) -> Email {
        Email::new(&format!("{}@demo.example", self.name))
    }

    pub(super) fn is_staff(&self) -> bool {
        self.roles
            .iter()
            .any(|role| matches!(role, Role::Moderator | Role::Admin))
    }
}

impl Offered {
    pub(super) fn publication(&self, market: &Market, caller: Caller) -> Result<PublishListing> {
        Ok(PublishListing {
            id: market.fresh(),
            caller,
            exchange_type: self.exchange_type,
            asset: self.asset,
            fiat: self.fiat,
            price: decimal(self.price)?,
            total: decimal(self.total)?,
            min: decimal(self.limits.0)?,
            max: decimal(self.limits.1)?,
            payment_methods: self
                .methods
                .iter()
                .map(|method| (*method).to_owned())
                .collect(),
            payment_window: None,
            terms: self.terms.to_owned(),
        })
    }
}

pub(super) fn decimal(text: &str) -> Result<Decimal> {
    text.parse().with_context(|| format!("demo data: {text:?}"))
}
