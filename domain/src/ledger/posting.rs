//! Balanced postings, one constructor per business fact.

use super::key::AccountKey;
use crate::{Money, MoneyError, OfferId, PaymentId, ReportId, UserId, WithdrawalId};

/// Which of an account's two balances an entry moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    Available,
    Held,
}

/// One entry of a posting: an account's balance and by how much it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    pub account: AccountKey,
    pub bucket: Bucket,
    pub amount: i64,
}

/// What kind of business fact moved the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PostingKind {
    Deposit,
    Hold,
    Release,
    Capture,
    Split,
    Payment,
    Refund,
    WithdrawalHold,
    WithdrawalRelease,
    Withdrawal,
}

impl PostingKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Deposit,
        Self::Hold,
        Self::Release,
        Self::Capture,
        Self::Split,
        Self::Payment,
        Self::Refund,
        Self::WithdrawalHold,
        Self::WithdrawalRelease,
        Self::Withdrawal,
    ];

    /// The name that interfaces and storage use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deposit => "DEPOSIT",
            Self::Hold => "HOLD",
            Self::Release => "RELEASE",
            Self::Capture => "CAPTURE",
            Self::Split => "SPLIT",
            Self::Payment => "PAYMENT",
            Self::Refund => "REFUND",
            Self::WithdrawalHold => "WITHDRAWAL_HOLD",
            Self::WithdrawalRelease => "WITHDRAWAL_RELEASE",
            Self::Withdrawal => "WITHDRAWAL",
        }
    }
}

/// What the money moved for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reference {
    Offer(OfferId),
    /// A deposit, booked by this member of staff or, with the faucet on, by the owner.
    Staff(UserId),
    /// A deposit that a payment provider has reported.
    Report(ReportId),
    Payment(PaymentId),
    Withdrawal(WithdrawalId),
}

/// Entries of one asset that sum to zero, and why they are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    kind: PostingKind,
    reference: Reference,
    legs: Vec<Leg>,
}

impl Posting {
    /// Money enters from outside, booked by a person.
    pub fn deposit(to: UserId, amount: Money, by: UserId) -> Result<Self, MoneyError> {
        Self::enter(to, amount, Reference::Staff(by))
    }

    /// Money enters from outside, as a payment provider has reported.
    pub fn reported_deposit(
        to: UserId,
        amount: Money,
        report: ReportId,
    ) -> Result<Self, MoneyError> {
        Self::enter(to, amount, Reference::Report(report))
    }

    fn enter(to: UserId, amount: Money, reference: Reference) -> Result<Self, MoneyError> {
        let asset = amount.asset();
        Self::transfer(
            PostingKind::Deposit,
            reference,
            AccountKey::external(asset),
            AccountKey::user(to, asset),
            amount,
        )
    }

    /// A payment between two accounts.
    pub fn payment(
        payment: PaymentId,
        payer: AccountKey,
        payee: AccountKey,
        amount: Money,
    ) -> Result<Self, MoneyError> {
        let reference = Reference::Payment(payment);
        Self::transfer(PostingKind::Payment, reference, payer, payee, amount)
    }

    /// What was paid goes back.
    pub fn refund(
        payment: PaymentId,
        payer: AccountKey,
        payee: AccountKey,
        amount: Money,
    ) -> Result<Self, MoneyError> {
        let reference = Reference::Payment(payment);
        Self::transfer(PostingKind::Refund, reference, payee, payer, amount)
    }

    /// Available money changes hands.
    fn transfer(
        kind: PostingKind,
        reference: Reference,
        from: AccountKey,
        to: AccountKey,
        amount: Money,
    ) -> Result<Self, MoneyError> {
        let amount = amount.positive()?;
        for account in [from, to] {
            if account.asset != amount.asset() {
                return Err(MoneyError::AssetMismatch {
                    expected: account.asset,
                    found: amount.asset(),
                });
            }
        }
        let minor = amount.minor();
        Ok(Self {
            kind,
            reference,
            legs: vec![available(from, -minor), available(to, minor)],
        })
    }

    /// Money that is to leave the market is set aside.
    pub fn hold_withdrawal(
        withdrawal: WithdrawalId,
        user: UserId,
        amount: Money,
    ) -> Result<Self, MoneyError> {
        let minor = amount.positive()?.minor();
        let account = AccountKey::user(user, amount.asset());
        Ok(Self {
            kind: PostingKind::WithdrawalHold,
            reference: Reference::Withdrawal(withdrawal),
            legs: vec![available(account, -minor), held(account, minor)],
        })
    }

    /// Money that was to leave the market stays.
    pub fn release_withdrawal(
        withdrawal: WithdrawalId,
        user: UserId,
        amount: Money,
    ) -> Result<Self, MoneyError> {
        let minor = amount.positive()?.minor();
        let account = AccountKey::user(user, amount.asset());
        Ok(Self {
            kind: PostingKind::WithdrawalRelease,
            reference: Reference::Withdrawal(withdrawal),
            legs: vec![held(account, -minor), available(account, minor)],
        })
    }

    /// Money that was set aside leaves the market.
    pub fn withdraw(
        withdrawal: WithdrawalId,
        user: UserId,
        amount: Money,
    ) -> Result<Self, MoneyError> {
        let minor = amount.positive()?.minor();
        let asset = amount.asset();
        Ok(Self {
            kind: PostingKind::Withdrawal,
            reference: Reference::Withdrawal(withdrawal),
            legs: vec![
                held(AccountKey::user(user, asset), -minor),
                available(AccountKey::external(asset), minor),
            ],
        })
    }

    /// The crypto of a deal goes into escrow.
    pub fn hold(offer: OfferId, holder: UserId, amount: Money) -> Result<Self, MoneyError> {
        let minor = amount.positive()?.minor();
        let account = AccountKey::user(holder, amount.asset());
        Ok(Self {
            kind: PostingKind::Hold,
            reference: Reference::Offer(offer),
            legs: vec![available(account, -minor), held(account, minor)],
        })
    }

    /// The crypto of a deal goes back from escrow to its holder.
    pub fn release(offer: OfferId, holder: UserId, amount: Money) -> Result<Self, MoneyError> {
        let minor = amount.positive()?.minor();
        let account = AccountKey::user(holder, amount.asset());
        Ok(Self {
            kind: PostingKind::Release,
            reference: Reference::Offer(offer),
            legs: vec![held(account, -minor), available(account, minor)],
        })
    }

    /// Escrow is paid out to the fiat payer, less the market's fee.
    pub fn capture(
        offer: OfferId,
        holder: UserId,
        payer: UserId,
        amount: Money,
        fee: Money,
    ) -> Result<Self, MoneyError> {
        let legs = pay_out(holder, payer, amount, amount, fee)?;
        Ok(Self {
            kind: PostingKind::Capture,
            reference: Reference::Offer(offer),
            legs,
        })
    }

    /// Escrow is divided: `payer_amount` to the fiat payer, less the fee, and the rest back to the holder.
    pub fn split(
        offer: OfferId,
        holder: UserId,
        payer: UserId,
        amount: Money,
        payer_amount: Money,
        fee: Money,
    ) -> Result<Self, MoneyError> {
        let legs = pay_out(holder, payer, amount, payer_amount, fee)?;
        Ok(Self {
            kind: PostingKind::Split,
            reference: Reference::Offer(offer),
            legs,
        })
    }

    /// What kind of fact it books.
    #[must_use]
    pub const fn kind(&self) -> PostingKind {
        self.kind
    }

    /// What it was made for.
    #[must_use]
    pub const fn reference(&self) -> Reference {
        self.reference
    }

    /// The entries; they sum to zero.
    #[must_use]
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// The accounts that it moves, each once.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountKey> {
        let mut keys: Vec<AccountKey> = self.legs.iter().map(|leg| leg.account).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

fn pay_out(
    holder: UserId,
    payer: UserId,
    escrow: Money,
    paid: Money,
    fee: Money,
) -> Result<Vec<Leg>, MoneyError> {
    let asset = escrow.asset();
    let rest = escrow.checked_sub(paid.positive()?)?;
    let net = paid.checked_sub(fee)?.positive()?;
    if rest.minor() < 0 || fee.minor() < 0 {
        return Err(MoneyError::NotPositive);
    }
    let holder = AccountKey::user(holder, asset);
    let mut legs = vec![
        held(holder, -escrow.minor()),
        available(AccountKey::user(payer, asset), net.minor()),
    ];
    if fee.minor() > 0 {
        legs.push(available(AccountKey::fees(asset), fee.minor()));
    }
    if rest.minor() > 0 {
        legs.push(available(holder, rest.minor()));
    }
    Ok(legs)
}

const fn available(account: AccountKey, amount: i64) -> Leg {
    Leg {
        account,
        bucket: Bucket::Available,
        amount,
    }
}

const fn held(account: AccountKey, amount: i64) -> Leg {
    Leg {
        account,
        bucket: Bucket::Held,
        amount,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Asset, TypedId};
    use proptest::prelude::*;

    fn sum(posting: &Posting) -> i128 {
        posting
            .legs()
            .iter()
            .map(|leg| i128::from(leg.amount))
            .sum()
    }

    proptest! {
        #[test]
        fn every_posting_sums_to_zero_in_one_asset(amount in 1i64..=i64::MAX, cut: u64, bps in 0u16..=100) {
            let (offer, holder, payer) = (OfferId::from_u128(1), UserId::from_u128(2), UserId::from_u128(3));
            let (pay, withdrawal) = (PaymentId::from_u128(5), WithdrawalId::from_u128(6));
            let whole = Money::new(amount, Asset::Btc);
            let part = Money::new(1 + i64::try_from(cut % u64::try_from(amount).unwrap()).unwrap(), Asset::Btc);
            let postings = [
                Posting::deposit(payer, whole, holder),
                Posting::hold(offer, holder, whole),
                Posting::release(offer, holder, whole),
                Posting::capture(offer, holder, payer, whole, whole.basis_points(bps).unwrap()),
                Posting::split(offer, holder, payer, whole, part, part.basis_points(bps).unwrap()),
                Posting::reported_deposit(payer, whole, ReportId::from_u128(4)),
                Posting::payment(pay, AccountKey::user(payer, Asset::Btc), AccountKey::merchant(None, Asset::Btc), whole),
                Posting::refund(pay, AccountKey::user(payer, Asset::Btc), AccountKey::merchant(None, Asset::Btc), whole),
                Posting::hold_withdrawal(withdrawal, payer, whole),
                Posting::release_withdrawal(withdrawal, payer, whole),
                Posting::withdraw(withdrawal, payer, whole),
            ];
            for posting in postings {
                let posting = posting.unwrap();
                prop_assert_eq!(sum(&posting), 0);
                prop_assert!(posting.legs().len() >= 2);
                prop_assert!(posting.legs().iter().all(|leg| leg.account.asset == Asset::Btc && leg.amount != 0));
            }
        }
    }

    #[test]
    fn nothing_or_less_is_never_moved() {
        let (offer, a, b) = (
            OfferId::from_u128(1),
            UserId::from_u128(2),
            UserId::from_u128(3),
        );
        let (none, one, two) = (
            Money::zero(Asset::Btc),
            Money::new(1, Asset::Btc),
            Money::new(2, Asset::Btc),
        );
        assert_eq!(Posting::hold(offer, a, none), Err(MoneyError::NotPositive));
        assert_eq!(
            Posting::deposit(a, Money::new(-1, Asset::Btc), b),
            Err(MoneyError::NotPositive)
        );
        assert_eq!(
            Posting::split(offer, a, b, one, two, none),
            Err(MoneyError::NotPositive)
        );
        assert_eq!(
            Posting::capture(offer, a, b, one, one),
            Err(MoneyError::NotPositive)
        );
        assert_eq!(
            Posting::capture(offer, a, b, one, Money::zero(Asset::Usd)),
            Err(MoneyError::AssetMismatch {
                expected: Asset::Btc,
                found: Asset::Usd
            })
        );
    }
}
