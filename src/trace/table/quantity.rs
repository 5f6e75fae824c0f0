//! Kubernetes quantities in cells: the common spellings fast, all others through `base::Quantity`.

use crate::base::Quantity;

/// What a quantity is stored as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stored {
    /// Thousandths: CPU.
    Milli,
    /// Whole units, rounded up: everything else.
    Units,
}

/// Reads a quantity that is not negative and not beyond what can be stored; the error is a message.
pub(super) fn read(text: &[u8], stored: Stored) -> Result<i64, String> {
    if let Some(value) = fast(text, stored) {
        return Ok(value);
    }
    let lossy = String::from_utf8_lossy(text);
    let quantity: Quantity = lossy.parse().map_err(|_| {
        "not a quantity; write a number with an optional suffix, such as `500m`, `2`, `64Gi`".to_owned()
    })?;
    let value = match stored {
        Stored::Milli => quantity.milli_ceil(),
        Stored::Units => quantity.units_ceil(),
    };
    match value {
        i64::MAX => Err("the quantity is too large".into()),
        value if value < 0 => Err("the quantity is negative".into()),
        value => Ok(value),
    }
}

/// Whole numbers up to 12 digits with no suffix, `m` (thousandths), `Ki`, `Mi` or `Gi`.
fn fast(text: &[u8], stored: Stored) -> Option<i64> {
    let digits = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    if digits == 0 || digits > 12 {
        return None;
    }
    let number = text[..digits].iter().fold(0i64, |number, digit| number * 10 + i64::from(digit - b'0'));
    match (stored, &text[digits..]) {
        (Stored::Milli, b"m") | (Stored::Units, b"") => Some(number),
        (Stored::Milli, b"") => Some(number * 1000),
        (Stored::Units, b"Ki") => number.checked_mul(1 << 10),
        (Stored::Units, b"Mi") => number.checked_mul(1 << 20),
        (Stored::Units, b"Gi") => number.checked_mul(1 << 30),
        _ => None,
    }
}

/// The shortest exact text of thousandths.
pub(super) fn milli(value: i64) -> String {
    if value % 1000 == 0 { (value / 1000).to_string() } else { format!("{value}m") }
}

/// The shortest exact text of whole units, with binary suffixes for bytes.
pub(super) fn bytes(value: i64) -> String {
    let suffix = [(1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")]
        .into_iter()
        .find(|(unit, _)| value != 0 && value % unit == 0);
    suffix.map_or_else(|| value.to_string(), |(unit, suffix)| format!("{}{suffix}", value / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_way_agrees_with_the_exact_one() {
        for text in ["0", "1", "250m", "16", "1500m", "64Gi", "512Mi", "3Ki", "1000000", "123456789012"] {
            for stored in [Stored::Milli, Stored::Units] {
                let Some(value) = fast(text.as_bytes(), stored) else { continue };
                let exact: Quantity = text.parse().unwrap();
                let exact = if stored == Stored::Milli { exact.milli_ceil() } else { exact.units_ceil() };
                assert_eq!(value, exact, "{text}");
            }
        }
    }

    #[test]
    fn cells_read_and_print() {
        for (text, value) in [("1.5", 1_500), ("0.1m", 1), ("2k", 2_000_000), ("1e1", 10_000)] {
            assert_eq!(read(text.as_bytes(), Stored::Milli), Ok(value), "{text}");
        }
        for (text, part) in
            [("-1", "negative"), ("1e30", "too large"), ("NaN", "not a quantity"), ("4 Gi", "not")]
        {
            assert!(read(text.as_bytes(), Stored::Units).unwrap_err().contains(part), "{text}");
        }
        assert_eq!((milli(1_500), milli(2_000)), ("1500m".to_owned(), "2".to_owned()));
        assert_eq!((bytes(3 << 30), bytes(1_000), bytes(0)), ("3Gi".into(), "1000".into(), "0".into()));
    }
}
