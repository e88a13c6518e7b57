//! Closed sets of names. The names are the domain's own; a new one appears here, and in the documentation, by itself.

use p2p_domain::AssetKind;
use p2p_domain::event::FactName;
use p2p_domain::ledger::PostingKind;
use p2p_domain::listing::{ListingState, Switch};
use p2p_domain::withdrawal::WithdrawalStatus as Withdrawn;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

use p2p_edge::InvalidValue;

use super::deserialize_from_text;

fn schema(description: &str, names: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    let names: Vec<_> = names.collect();
    let example = names.first().copied().unwrap_or_default();
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(description))
        .examples([example])
        .enum_values(Some(names))
        .into()
}

fn unknown(names: impl Iterator<Item = &'static str>) -> InvalidValue {
    let names: Vec<_> = names.collect();
    InvalidValue::new(
        "UNKNOWN_VALUE",
        format!("must be one of {}", names.join(", ")),
    )
}

macro_rules! names {
    ($($(#[doc = $doc:literal])* $name:ident($inner:ty) = $all:expr, $text:expr;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) $inner);

        impl $name {
            fn names() -> impl Iterator<Item = &'static str> {
                $all.iter().map(|one: &$inner| $text(*one))
            }

            pub(crate) fn name(self) -> &'static str {
                $text(self.0)
            }
        }

        deserialize_from_text!($name, "a name", |text: &str| {
            $all.iter()
                .copied()
                .find(|one: &$inner| $text(*one) == text)
                .map($name)
                .ok_or_else(|| unknown($name::names()))
        });

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.name())
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                schema([$($doc),*].concat().trim(), Self::names())
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

names! {
    /// The direction of an exchange as the customer sees it: CRYPTO2FIAT gives crypto, FIAT2CRYPTO gets crypto.
    ExchangeType(p2p_domain::ExchangeType) = p2p_domain::ExchangeType::ALL, p2p_domain::ExchangeType::name;
    /// Where a deal stands.
    Status(p2p_domain::Status) = p2p_domain::Status::ALL, p2p_domain::Status::name;
    /// Who acted.
    Actor(p2p_domain::Actor) = p2p_domain::Actor::ALL, p2p_domain::Actor::name;
    /// The side of a deal on which its author stands.
    Side(p2p_domain::Actor) = SIDES, p2p_domain::Actor::name;
    /// What an account may do.
    Role(p2p_domain::Role) = p2p_domain::Role::ALL, p2p_domain::Role::name;
    /// A crypto asset or a fiat currency.
    Asset(p2p_domain::Asset) = p2p_domain::Asset::ALL, p2p_domain::Asset::code;
    /// Whether a listing takes offers.
    ListingStatus(ListingState) = ListingState::ALL, ListingState::name;
    /// Whether a listing is to take offers.
    ListingSwitch(Switch) = SWITCHES, switch_name;
    /// In which order listings come.
    Sort(SortKind) = SortKind::ALL, SortKind::name;
    /// Why money moved.
    EntryKind(PostingKind) = PostingKind::ALL, PostingKind::name;
    /// Which of an account's two balances moved.
    Bucket(p2p_domain::ledger::Bucket) = BUCKETS, bucket_name;
    /// How an exchanger answers an offer.
    ResponseAction(ResponseKind) = ResponseKind::ALL, ResponseKind::name;
    /// What a moderator decides.
    Resolution(ResolutionKind) = ResolutionKind::ALL, ResolutionKind::name;
    /// Whether a dispute still waits for a moderator.
    DisputeStatus(DisputeStage) = DisputeStage::ALL, DisputeStage::name;
    /// What has happened.
    Event(FactName) = FactName::ALL, FactName::name;
    /// The language of a user's notifications (ISO 639-1).
    Language(p2p_domain::Language) = p2p_domain::Language::ALL, p2p_domain::Language::name;
    /// How an order stands: NEW until its payment is decided.
    OrderStatus(p2p_domain::order::OrderStatus) = p2p_domain::order::OrderStatus::ALL, p2p_domain::order::OrderStatus::name;
    /// How a withdrawal stands: REQUESTED until an administrator decides.
    WithdrawalStatus(Withdrawn) = Withdrawn::ALL, Withdrawn::name;
    /// Why a payment was not made.
    Decline(p2p_domain::Decline) = p2p_domain::Decline::ALL, p2p_domain::Decline::name;
    /// How a payment was decided.
    PaymentStatus(PaymentOutcome) = DECIDED, PaymentOutcome::name;
    /// How a payment that was asked for was decided; DUPLICATE: by a decision before.
    PaymentAnswer(PaymentOutcome) = PaymentOutcome::ALL, PaymentOutcome::name;
    /// What became of a payment report: APPLIED if it confirmed the payment of a deal or was booked as a deposit, otherwise
    /// why it was not.
    ReportOutcome(p2p_domain::ReportOutcome) = p2p_domain::ReportOutcome::ALL, p2p_domain::ReportOutcome::name;
    /// How a payment report was received.
    Receipt(ReceiptKind) = ReceiptKind::ALL, ReceiptKind::name;
    /// What was done, in the audit trail.
    AuditAction(p2p_domain::audit_log::AuditAction) = p2p_domain::audit_log::AuditAction::ALL, p2p_domain::audit_log::AuditAction::name;
    /// As a dispute's status, in a word: the filter of the list of disputes.
    DisputeStageName(DisputeStage) = DisputeStage::ALL, DisputeStage::word;
}

/// How an [`Asset`] is described where it must be a crypto asset.
pub(crate) struct CryptoAsset;

/// How an [`Asset`] is described where it must be a fiat currency.
pub(crate) struct FiatCurrency;

impl utoipa::PartialSchema for CryptoAsset {
    fn schema() -> RefOr<Schema> {
        schema("A crypto asset.", codes(AssetKind::Crypto))
    }
}

impl utoipa::ToSchema for CryptoAsset {}

impl utoipa::PartialSchema for FiatCurrency {
    fn schema() -> RefOr<Schema> {
        schema("A fiat currency.", codes(AssetKind::Fiat))
    }
}

impl utoipa::ToSchema for FiatCurrency {}

fn codes(kind: AssetKind) -> impl Iterator<Item = &'static str> {
    let assets = p2p_domain::Asset::ALL.iter();
    assets
        .filter(move |asset| asset.kind() == kind)
        .map(|asset| asset.code())
}

const SIDES: [p2p_domain::Actor; 2] = [p2p_domain::Actor::Customer, p2p_domain::Actor::Exchanger];

const SWITCHES: [Switch; 2] = [Switch::Resume, Switch::Pause];

/// Named by the state that it leads to.
const fn switch_name(switch: Switch) -> &'static str {
    match switch {
        Switch::Resume => ListingState::Active.name(),
        Switch::Pause => ListingState::Paused.name(),
    }
}

const BUCKETS: [p2p_domain::ledger::Bucket; 2] = [
    p2p_domain::ledger::Bucket::Available,
    p2p_domain::ledger::Bucket::Held,
];

const fn bucket_name(bucket: p2p_domain::ledger::Bucket) -> &'static str {
    match bucket {
        p2p_domain::ledger::Bucket::Available => "AVAILABLE",
        p2p_domain::ledger::Bucket::Held => "HELD",
    }
}

/// The orders of a list of listings, as clients ask for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SortKind {
    BestPrice,
    Newest,
}

impl SortKind {
    const ALL: [Self; 2] = [Self::BestPrice, Self::Newest];

    const fn name(self) -> &'static str {
        match self {
            Self::BestPrice => "best_price",
            Self::Newest => "newest",
        }
    }
}

/// The answers to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseKind {
    Accept,
    Decline,
}

impl ResponseKind {
    const ALL: [Self; 2] = [Self::Accept, Self::Decline];

    const fn name(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Decline => "DECLINE",
        }
    }
}

/// What a payment provider is told about its report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReceiptKind {
    /// It confirmed the payment of a deal.
    Applied,
    /// It is kept for moderators.
    Recorded,
    /// It came before.
    Duplicate,
}

impl ReceiptKind {
    const ALL: [Self; 3] = [Self::Applied, Self::Recorded, Self::Duplicate];

    const fn name(self) -> &'static str {
        match self {
            Self::Applied => "APPLIED",
            Self::Recorded => "RECORDED",
            Self::Duplicate => "DUPLICATE",
        }
    }
}

/// The result of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaymentOutcome {
    /// The money has changed hands.
    Authorized,
    /// No money was moved.
    Declined,
    /// The same was asked for before.
    Duplicate,
}

impl PaymentOutcome {
    const ALL: [Self; 3] = [Self::Authorized, Self::Declined, Self::Duplicate];

    const fn name(self) -> &'static str {
        match self {
            Self::Authorized => "AUTHORIZED",
            Self::Declined => "DECLINED",
            Self::Duplicate => "DUPLICATE",
        }
    }
}

const DECIDED: [PaymentOutcome; 2] = [PaymentOutcome::Authorized, PaymentOutcome::Declined];

/// The kinds of a resolution, without a split's amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResolutionKind {
    Finished,
    Cancelled,
    Split,
}

impl ResolutionKind {
    const ALL: [Self; 3] = [Self::Finished, Self::Cancelled, Self::Split];

    const fn name(self) -> &'static str {
        match self {
            Self::Finished => "RESOLVED_FINISHED",
            Self::Cancelled => "RESOLVED_CANCELLED",
            Self::Split => "RESOLVED_SPLIT",
        }
    }
}

impl From<p2p_domain::dispute::Resolution> for Resolution {
    fn from(resolution: p2p_domain::dispute::Resolution) -> Self {
        Self(match resolution {
            p2p_domain::dispute::Resolution::Finished => ResolutionKind::Finished,
            p2p_domain::dispute::Resolution::Cancelled => ResolutionKind::Cancelled,
            p2p_domain::dispute::Resolution::Split { .. } => ResolutionKind::Split,
        })
    }
}

/// A dispute's state, without what was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DisputeStage {
    Open,
    Resolved,
}

impl DisputeStage {
    const ALL: [Self; 2] = [Self::Open, Self::Resolved];

    const fn name(self) -> &'static str {
        match self {
            Self::Open => "DISPUTE_OPEN",
            Self::Resolved => "DISPUTE_RESOLVED",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Resolved => "RESOLVED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_nothing_else_is() {
        let read = |json: &str| serde_json::from_str::<ExchangeType>(json);
        assert_eq!(
            read("\"FIAT2CRYPTO\"").unwrap(),
            ExchangeType(p2p_domain::ExchangeType::FiatToCrypto)
        );
        for bad in ["\"fiat2crypto\"", "\"\"", "\"FIAT2CRYPTO \""] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.starts_with("UNKNOWN_VALUE: must be one of CRYPTO2FIAT, FIAT2CRYPTO"));
        }
        assert!(read("1").is_err());
    }

    #[test]
    fn resolutions_have_the_names_of_the_domain() {
        use p2p_domain::dispute::Resolution as Of;
        let amount = p2p_domain::Money::new(1, p2p_domain::Asset::Btc);
        for of in [
            Of::Finished,
            Of::Cancelled,
            Of::Split {
                payer_amount: amount,
            },
        ] {
            assert_eq!(Resolution::from(of).name(), of.name());
        }
    }
}
