//! Kubernetes quantities, exactly.
//!
//! Source: Kubernetes, staging/src/k8s.io/apimachinery/pkg/api/resource/{quantity,amount,math}.go.
//! A quantity keeps nano-units, so that sums are exact and are rounded once, at the end.

use std::fmt;
use std::ops::{Add, AddAssign};

/// A number of units in billionths: `250m` is 250 000 000 nano-units. Range about ±1.7·10^29 units,
/// far beyond what Kubernetes allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(pub i128);

/// Nano-units in a unit.
const NANO: i128 = 1_000_000_000;

/// Quantities are capped at 2^63 - 1 units, as Kubernetes caps them.
const MAX_UNITS: i128 = i64::MAX as i128;

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity(0);

    /// `units` whole units.
    pub const fn from_units(units: i64) -> Quantity {
        Quantity(units as i128 * NANO)
    }

    /// `milli` thousandths of a unit.
    pub const fn from_milli(milli: i64) -> Quantity {
        Quantity(milli as i128 * 1_000_000)
    }

    /// Thousandths, rounded up: how CPU becomes an integer.
    pub fn milli_ceil(self) -> i64 {
        clamp(div_ceil(self.0, 1_000_000))
    }

    /// Whole units, rounded up: how every other resource becomes an integer.
    pub fn units_ceil(self) -> i64 {
        clamp(div_ceil(self.0, NANO))
    }

    /// Whether it is a whole number of units.
    pub const fn is_whole(self) -> bool {
        self.0 % NANO == 0
    }

    /// The quantity as a float, for reports only.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / NANO as f64
    }
}

/// Division rounding up, for positive numbers; away from zero for negative ones, as the fast path
/// of the original does.
fn div_ceil(value: i128, by: i128) -> i128 {
    let quotient = value / by;
    match value % by {
        0 => quotient,
        rest if rest > 0 => quotient + 1,
        _ => quotient - 1,
    }
}

fn clamp(value: i128) -> i64 {
    value.clamp(-MAX_UNITS, MAX_UNITS) as i64
}

impl Add for Quantity {
    type Output = Quantity;
    fn add(self, other: Quantity) -> Quantity {
        Quantity(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Quantity) {
        *self = *self + other;
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Units with a decimal suffix where it is exact: `250m`, `2`, `1500n`.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (divisor, suffix) in [(NANO, ""), (1_000_000, "m"), (1_000, "u")] {
            if self.0 % divisor == 0 {
                return write!(f, "{}{suffix}", self.0 / divisor);
            }
        }
        write!(f, "{}n", self.0)
    }
}

/// Why a text is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a quantity; write a number with an optional suffix, such as `500m`, `2`, `64Gi`, `1.5`"
)]
pub struct ParseQuantityError(pub String);

impl std::str::FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Quantity, ParseQuantityError> {
        parse(text).ok_or_else(|| ParseQuantityError(text.to_owned()))
    }
}

/// Sign, digits with at most one point, then a suffix or a decimal exponent.
fn parse(text: &str) -> Option<Quantity> {
    let bytes = text.as_bytes();
    let (negative, mut at) = match bytes.first()? {
        b'-' => (true, 1),
        b'+' => (false, 1),
        _ => (false, 0),
    };
    let start = at;
    let mut digits: i128 = 0;
    let mut decimals: i32 = 0;
    let mut seen_point = false;
    let mut any = false;
    while at < bytes.len() {
        match bytes[at] {
            digit @ b'0'..=b'9' => {
                any = true;
                // 10^25 is far above the cap; further digits only move the scale.
                if digits < 10i128.pow(25) {
                    digits = digits * 10 + i128::from(digit - b'0');
                    decimals += i32::from(seen_point);
                } else if !seen_point {
                    decimals -= 1;
                }
            }
            b'.' if !seen_point => seen_point = true,
            _ => break,
        }
        at += 1;
    }
    if !any || at - start > 64 {
        return None;
    }
    let value = scale(digits, decimals, &text[at..])?;
    Some(Quantity(if negative { -value } else { value }))
}

/// `digits · 10^-decimals · suffix` in nano-units, rounded up, capped.
fn scale(digits: i128, decimals: i32, suffix: &str) -> Option<i128> {
    let (factor, exponent): (i128, i32) = match suffix {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => (1, suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    if digits == 0 {
        return Some(0);
    }
    let power = exponent.checked_sub(decimals)?.checked_add(9)?;
    let cap = MAX_UNITS * NANO;
    let nano = if power >= 0 {
        let shift = 10i128.checked_pow(power.min(60) as u32);
        shift.and_then(|shift| digits.checked_mul(factor)?.checked_mul(shift)).unwrap_or(cap)
    } else {
        let Some(divisor) = 10i128.checked_pow(power.unsigned_abs().min(60)) else {
            return Some(1);
        };
        digits.checked_mul(factor).map_or(cap, |value| div_ceil(value, divisor))
    };
    Some(nano.min(cap))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn q(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    #[test]
    fn suffixes_and_exponents() {
        for (text, milli) in [
            ("0", 0),
            ("1", 1_000),
            ("250m", 250),
            ("1.5", 1_500),
            (".5", 500),
            ("1e3", 1_000_000),
            ("1E-1", 100),
            ("100n", 1),
            ("0.1u", 1),
            ("2k", 2_000_000),
            ("-250m", -250),
        ] {
            assert_eq!(q(text).milli_ceil(), milli, "{text}");
        }
        assert_eq!(q("64Gi").units_ceil(), 64 << 30);
        assert_eq!(q("1.5Ki").units_ceil(), 1536);
        assert_eq!(q("1E").units_ceil(), 1_000_000_000_000_000_000);
        assert_eq!(q("10E").units_ceil(), i64::MAX);
        assert_eq!(q("1e99").units_ceil(), i64::MAX);
    }

    #[test]
    fn sums_are_rounded_once() {
        // Two containers of half a millicore are one millicore together, not two.
        assert_eq!((q("0.5m") + q("0.5m")).milli_ceil(), 1);
    }

    #[test]
    fn what_is_no_quantity() {
        for text in ["", "m", "1.2.3", "1 Gi", "12x", "NaN", "1e", "0x10", "1ki", "--1", "１"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }
}
