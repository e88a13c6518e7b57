//! Money against arithmetic on paper: digits in a row, as long as need be, and nothing that this crate computes with.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use p2p_domain::{Asset, Decimal, Money, MoneyError, Price};
use proptest::prelude::*;

/// A whole number of any size: a sign and its decimal digits, without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Paper {
    negative: bool,
    digits: Vec<u8>,
}

impl Paper {
    fn new(negative: bool, digits: impl IntoIterator<Item = u8>) -> Self {
        let mut digits: Vec<u8> = digits.into_iter().collect();
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..zeros);
        Self {
            negative: negative && !digits.is_empty(),
            digits,
        }
    }

    fn of(number: i64) -> Self {
        let text = number.to_string();
        let unsigned = text.trim_start_matches('-');
        Self::new(
            text.starts_with('-'),
            unsigned.bytes().map(|byte| byte - b'0'),
        )
    }

    /// As it is written at school: each digit by each digit, shifted, and carried over.
    fn times(&self, other: &Self) -> Self {
        let mut columns = vec![0u32; self.digits.len() + other.digits.len()];
        for (row, one) in self.digits.iter().rev().enumerate() {
            for (column, two) in other.digits.iter().rev().enumerate() {
                columns[row + column] += u32::from(*one) * u32::from(*two);
            }
        }
        let mut carry = 0;
        for column in &mut columns {
            let sum = *column + carry;
            (carry, *column) = (sum / 10, sum % 10);
        }
        assert_eq!(carry, 0);
        let digits = columns
            .into_iter()
            .rev()
            .map(|digit| u8::try_from(digit).unwrap());
        Self::new(self.negative != other.negative, digits)
    }

    /// Cuts this many digits off and looks at them: more than half up, half to the even one.
    fn rounded(&self, cut: usize) -> Self {
        let zeros = vec![0; cut.saturating_sub(self.digits.len())];
        let all = [zeros, self.digits.clone()].concat();
        let (kept, rest) = all.split_at(all.len() - cut);
        let half = std::iter::once(5).chain(std::iter::repeat(0)).take(cut);
        let half: Vec<u8> = half.collect();
        let odd = kept.last().is_some_and(|digit| digit % 2 == 1);
        let up = cut > 0 && (rest > half.as_slice() || (rest == half && odd));
        let mut kept = [vec![0], kept.to_vec()].concat();
        for digit in kept.iter_mut().rev() {
            if !up {
                break;
            }
            if *digit < 9 {
                *digit += 1;
                break;
            }
            *digit = 0;
        }
        Self::new(self.negative, kept)
    }

    /// `None`: not within 64 bits.
    fn small(&self) -> Option<i64> {
        let sign = if self.negative { "-" } else { "" };
        let digits: String = self
            .digits
            .iter()
            .map(|digit| char::from(digit + b'0'))
            .collect();
        format!("{sign}0{digits}").parse().ok()
    }
}

fn asset() -> impl Strategy<Value = Asset> {
    prop::sample::select(Asset::ALL.to_vec())
}

/// Small and large numbers alike.
fn units() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        -10_000i64..10_000,
        (0u32..63).prop_map(|bits| 1 << bits)
    ]
}

/// A decimal number as somebody may write it.
#[derive(Debug, Clone)]
struct Written {
    negative: bool,
    whole: String,
    fraction: String,
    exponent: Option<i32>,
}

impl Written {
    fn text(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let point = if self.fraction.is_empty() { "" } else { "." };
        let exponent = self
            .exponent
            .map_or(String::new(), |exponent| format!("e{exponent}"));
        format!("{sign}{}{point}{}{exponent}", self.whole, self.fraction)
    }

    /// How many units of `10^-scale` it is, if that is a whole number within 64 bits.
    fn at_scale(&self, scale: u8) -> Option<i64> {
        let mut digits: Vec<u8> = [self.whole.as_str(), &self.fraction].concat().into_bytes();
        digits.iter_mut().for_each(|byte| *byte -= b'0');
        let written = i64::try_from(self.fraction.len()).unwrap();
        let shift = i64::from(scale) + i64::from(self.exponent.unwrap_or(0)) - written;
        let zeros = usize::try_from(shift.max(0)).unwrap();
        digits.extend(std::iter::repeat_n(0, zeros));
        for _ in shift.min(0)..0 {
            if digits.pop().unwrap_or(0) != 0 {
                return None;
            }
        }
        Paper::new(self.negative, digits).small()
    }
}

fn written() -> impl Strategy<Value = Written> {
    let exponent = prop::option::of(prop_oneof![-30i32..30, -1_000i32..=1_000]);
    // Zeros at both ends: they mean nothing, and must cost nothing.
    (
        "-?",
        "0{0,3}[0-9]{1,22}0{0,25}",
        "([0-9]{0,10}0{0,25})?",
        exponent,
    )
        .prop_map(|(sign, whole, fraction, exponent)| Written {
            negative: sign == "-",
            whole,
            fraction,
            exponent,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_price_times_an_amount_is_what_it_is_on_paper(
        minor in units(), e8 in units(), crypto in asset(), fiat in asset(),
    ) {
        let Ok(price) = Price::from_e8(e8, fiat) else {
            prop_assert!(e8 <= 0);
            return Ok(());
        };
        prop_assert!(e8 > 0);
        let excess = usize::from(crypto.scale()) + usize::from(Price::SCALE) - usize::from(fiat.scale());
        let exact = Paper::of(minor).times(&Paper::of(e8)).rounded(excess).small();
        let found = price.fiat_for(Money::new(minor, crypto));
        let wanted = exact.map(|minor| Money::new(minor, fiat)).ok_or(MoneyError::Overflow);
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn a_number_is_read_as_it_is_on_paper(written in written(), asset in asset()) {
        let text = written.text();
        let read = text.parse::<Decimal>().and_then(|decimal| Money::from_decimal(decimal, asset));
        let wanted = written.at_scale(asset.scale());
        prop_assert_eq!(read.ok().map(Money::minor), wanted, "{}", text);
        if let Ok(money) = read {
            let again = money.to_string().parse::<Decimal>().and_then(|decimal| Money::from_decimal(decimal, asset));
            prop_assert_eq!(again, Ok(money));
        }
    }

    /// A fee and what is left of it are the whole, and the fee is never more than its share.
    #[test]
    fn nothing_is_gained_or_lost_by_a_fee(minor in 0i64.., points in 0u16..=10_000, asset in asset()) {
        let whole = Money::new(minor, asset);
        let fee = whole.basis_points(points).unwrap();
        let rest = whole.checked_sub(fee).unwrap();
        prop_assert_eq!(fee.checked_add(rest), Ok(whole));
        prop_assert!(fee.minor() >= 0 && rest.minor() >= 0);
        let share = Paper::of(minor).times(&Paper::of(i64::from(points)));
        let kept = share.digits.len().saturating_sub(4);
        let cut_off = Paper::new(false, share.digits[..kept].to_vec());
        prop_assert_eq!(Some(fee.minor()), cut_off.small());
    }

    /// Sums and differences are exact or refused.
    #[test]
    fn sums_are_exact_or_refused(one in units(), two in units(), asset in asset()) {
        let (a, b) = (Money::new(one, asset), Money::new(two, asset));
        let exact = |wide: i128| i64::try_from(wide).map(|minor| Money::new(minor, asset)).ok();
        prop_assert_eq!(a.checked_add(b).ok(), exact(i128::from(one) + i128::from(two)));
        prop_assert_eq!(a.checked_sub(b).ok(), exact(i128::from(one) - i128::from(two)));
    }

    /// Any text at all, and any near miss of a number, is a value or an error, and a value reads the same again.
    #[test]
    fn whatever_is_read_is_shown_and_read_again(
        text in prop_oneof!["\\PC{0,30}", "[-+0-9.eE_, ]{0,30}", "[-+]?[0-9]{0,40}[.,]?[0-9]{0,40}([eE][-+]?[0-9]{0,8})?"],
        asset in asset(),
    ) {
        if let Ok(decimal) = text.parse::<Decimal>() {
            let number = |letter: char| letter.is_ascii_digit() || "-+.eE".contains(letter);
            prop_assert!(text.chars().all(number), "{:?}", text);
            if let Ok(money) = Money::from_decimal(decimal, asset) {
                let again: Decimal = money.to_string().parse().unwrap();
                prop_assert_eq!(Money::from_decimal(again, asset), Ok(money));
                prop_assert_eq!(again, decimal);
            }
        }
    }
}

#[test]
fn paper_is_right_about_what_is_known() {
    let product = Paper::of(-12).times(&Paper::of(34));
    assert_eq!(product.small(), Some(-408));
    for (number, cut, wanted) in [
        (25, 1, 2),
        (35, 1, 4),
        (251, 2, 3),
        (250, 2, 2),
        (5, 1, 0),
        (15, 1, 2),
        (-25, 1, -2),
        (-35, 1, -4),
        (995, 1, 100),
        (49, 2, 0),
        (51, 2, 1),
        (7, 0, 7),
    ] {
        assert_eq!(
            Paper::of(number).rounded(cut).small(),
            Some(wanted),
            "{number}"
        );
    }
    assert_eq!(Paper::of(i64::MIN).small(), Some(i64::MIN));
    assert_eq!(Paper::of(i64::MAX).times(&Paper::of(2)).small(), None);
}
