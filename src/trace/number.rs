//! Decimal numbers in traces, read from bytes without going through floats.
//!
//! Knows nothing of formats: callers say which field a number stands in.

use crate::base::units::NANOS_PER_SECOND;

/// A decimal number with nine digits after the point.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Number {
    /// Whether it is below zero; never set for zero.
    pub(super) negative: bool,
    /// The digits before the point, below 10^18.
    pub(super) whole: u64,
    /// Billionths.
    pub(super) nano: u32,
}

/// Why a text cannot be used as a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NumberError {
    /// It is not a decimal number.
    NotANumber,
    /// It is too large for what it stands for.
    TooLarge,
    /// It has a fraction where only whole numbers make sense.
    NotWhole,
    /// It is below zero where that makes no sense.
    Negative,
}

impl NumberError {
    /// The message of a diagnostic.
    pub(super) const fn message(self) -> &'static str {
        match self {
            NumberError::NotANumber => "not a number",
            NumberError::TooLarge => "the number is too large",
            NumberError::NotWhole => "not a whole number",
            NumberError::Negative => "the number is negative",
        }
    }
}

/// Numbers of this size and above are refused: far beyond any time, id or size, and small enough
/// that one more digit cannot overflow.
const LIMIT: u64 = 1_000_000_000_000_000_000;
/// Digits that stay below [`LIMIT`] whatever they are.
const SAFE_DIGITS: usize = 18;

impl Number {
    /// Reads `12`, `-1`, `3.25`, `1e5`. Digits after the ninth decimal are rounded away.
    #[inline]
    pub(super) fn parse(text: &[u8]) -> Result<Number, NumberError> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if digits.is_empty() || digits.len() > SAFE_DIGITS {
            return long(negative, digits);
        }
        let mut whole = 0u64;
        for (at, &byte) in digits.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return fraction(negative, whole, digits, at);
            }
            // So few digits cannot overflow: the operations need no check.
            whole = whole.wrapping_mul(10).wrapping_add(u64::from(digit));
        }
        Ok(Number { negative: negative && whole > 0, whole, nano: 0 })
    }

    /// The number as an integer.
    pub(super) fn integer(self) -> Result<i64, NumberError> {
        if self.nano > 0 {
            return Err(NumberError::NotWhole);
        }
        let value = self.whole as i64;
        Ok(if self.negative { -value } else { value })
    }

    /// The number as a small integer.
    pub(super) fn small(self) -> Result<i32, NumberError> {
        i32::try_from(self.integer()?).map_err(|_| NumberError::TooLarge)
    }

    /// The magnitude times `unit`, rounded up.
    pub(super) fn multiple(self, unit: i64) -> Result<i64, NumberError> {
        let billionths = i128::from(self.whole) * i128::from(NANOS_PER_SECOND) + i128::from(self.nano);
        let scale = i128::from(NANOS_PER_SECOND);
        let product = billionths.checked_mul(i128::from(unit)).and_then(|all| all.checked_add(scale - 1));
        product.and_then(|all| i64::try_from(all / scale).ok()).ok_or(NumberError::TooLarge)
    }

    /// The magnitude of a number of seconds, in nanoseconds.
    pub(super) fn nanoseconds(self) -> Result<u64, NumberError> {
        self.whole
            .checked_mul(NANOS_PER_SECOND)
            .and_then(|nanos| nanos.checked_add(u64::from(self.nano)))
            .ok_or(NumberError::TooLarge)
    }
}

/// A number with more characters than can be read without checks, or with none.
#[cold]
fn long(negative: bool, digits: &[u8]) -> Result<Number, NumberError> {
    let mut whole = 0u64;
    for (at, &byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return fraction(negative, whole, digits, at);
        }
        whole = whole * 10 + u64::from(digit);
        if whole >= LIMIT {
            return Err(too_large_or_wrong(digits));
        }
    }
    if digits.is_empty() {
        return Err(NumberError::NotANumber);
    }
    Ok(Number { negative: negative && whole > 0, whole, nano: 0 })
}

/// What follows the digits before the point: decimals or an exponent.
fn fraction(negative: bool, whole: u64, digits: &[u8], at: usize) -> Result<Number, NumberError> {
    let decimals = &digits[at + 1..];
    if digits[at] != b'.' || (at == 0 && decimals.is_empty()) {
        return exponent(negative, digits);
    }
    let mut nano = 0u32;
    let mut scale = 100_000_000u32;
    let mut round_up = false;
    for (place, &byte) in decimals.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return exponent(negative, digits);
        }
        if place < 9 {
            nano += u32::from(digit) * scale;
            scale /= 10;
        } else if place == 9 {
            round_up = digit >= 5;
        }
    }
    let total = u64::from(nano) + u64::from(round_up);
    let whole = whole + total / NANOS_PER_SECOND;
    let nano = (total % NANOS_PER_SECOND) as u32;
    Ok(Number { negative: negative && (whole > 0 || nano > 0), whole, nano })
}

/// Scientific notation, as spreadsheets and scripts write it. Rare, so a float is good enough.
fn exponent(negative: bool, digits: &[u8]) -> Result<Number, NumberError> {
    let starts = digits.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.');
    let value = std::str::from_utf8(digits).ok().filter(|_| starts).and_then(|text| text.parse::<f64>().ok());
    let value = value.ok_or(NumberError::NotANumber)?;
    if value >= LIMIT as f64 {
        return Err(NumberError::TooLarge);
    }
    let whole = value as u64;
    let nano = libm::round((value - whole as f64) * NANOS_PER_SECOND as f64) as u64;
    let whole = whole + nano / NANOS_PER_SECOND;
    let nano = (nano % NANOS_PER_SECOND) as u32;
    Ok(Number { negative: negative && (whole > 0 || nano > 0), whole, nano })
}

/// A long run of digits is either too large or no number at all.
fn too_large_or_wrong(digits: &[u8]) -> NumberError {
    let legal = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    if digits.iter().all(legal) { NumberError::TooLarge } else { NumberError::NotANumber }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_exactly() {
        for (text, negative, whole, nano) in [
            ("0", false, 0, 0),
            ("-1", true, 1, 0),
            ("-0.0", false, 0, 0),
            ("+7", false, 7, 0),
            ("18.00", false, 18, 0),
            ("2739.599152", false, 2_739, 599_152_000),
            (".5", false, 0, 500_000_000),
            ("5.", false, 5, 0),
            ("0.9999999996", false, 1, 0),
            ("0.0000000004", false, 0, 0),
            ("000000000000000000000012", false, 12, 0),
            ("1e3", false, 1_000, 0),
            ("-2.5E-1", true, 0, 250_000_000),
            ("999999999999999999", false, 999_999_999_999_999_999, 0),
        ] {
            assert_eq!(Number::parse(text.as_bytes()), Ok(Number { negative, whole, nano }), "{text}");
        }
    }

    #[test]
    fn what_is_no_number() {
        for text in
            ["", "-", "+", ".", "NaN", "inf", "1x", "1.2.3", "1e", "0x10", "--1", "1,5", "1_000", "１"]
        {
            assert_eq!(Number::parse(text.as_bytes()), Err(NumberError::NotANumber), "{text}");
        }
        for text in ["1e30", "1000000000000000000", &"9".repeat(400), "1e999"] {
            assert_eq!(Number::parse(text.as_bytes()), Err(NumberError::TooLarge), "{text}");
        }
        let part = |text: &[u8], unit| Number::parse(text).unwrap().multiple(unit);
        assert_eq!((part(b"0.0306", 64_000), part(b"1", 7), part(b"0.1", 1)), (Ok(1_959), Ok(7), Ok(1)));
        assert_eq!(part(b"999999999999999999", i64::MAX), Err(NumberError::TooLarge));
        let seconds = Number::parse(b"18446744074").unwrap();
        assert_eq!(seconds.nanoseconds(), Err(NumberError::TooLarge));
        assert_eq!(seconds.small(), Err(NumberError::TooLarge));
        assert_eq!(Number::parse(b"1.5").unwrap().integer(), Err(NumberError::NotWhole));
    }
}
