//! What a plain scalar is: text, a number, a truth value or nothing.
//!
//! The rules are those of YAML 1.1 as Kubernetes' tools have them (sigs.k8s.io/yaml with
//! goyaml.v2, resolve.go): `yes`, `on` and `y` are truth values, `010` is eight.

/// The value of a scalar.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scalar<'t> {
    /// No value: empty, `~` or `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Text(&'t str),
}

impl Scalar<'_> {
    /// What the value is, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Scalar::Null => "nothing",
            Scalar::Bool(_) => "a truth value",
            Scalar::Int(_) | Scalar::Float(_) => "a number",
            Scalar::Text(_) => "text",
        }
    }
}

/// The value of the plain (unquoted) scalar `text`.
pub fn resolve(text: &str) -> Scalar<'_> {
    let Some(first) = text.bytes().next() else {
        return Scalar::Null;
    };
    let value = match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(text),
        b'~' | b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => word(text),
        _ => None,
    };
    value.unwrap_or(Scalar::Text(text))
}

fn word(text: &str) -> Option<Scalar<'static>> {
    Some(match text {
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        _ => return None,
    })
}

fn number(text: &str) -> Option<Scalar<'static>> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Some(Scalar::Float(f64::INFINITY));
        }
        "-.inf" | "-.Inf" | "-.INF" => return Some(Scalar::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    if text.contains('_') {
        // Digits may be grouped; anything else with an underscore is text.
        return integer(&text.replace('_', "")).map(Scalar::Int);
    }
    integer(text).map(Scalar::Int).or_else(|| float(text).map(Scalar::Float))
}

/// A whole number with Go's prefixes: `0x`, `0o`, `0b`, and `0` for octal.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from(u64::from_str_radix(digits, radix).ok()?);
    i64::try_from(if negative { -value } else { value }).ok()
}

/// A decimal number: digits with at most one point, then perhaps an exponent.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mantissa_end = unsigned.find(['e', 'E']).unwrap_or(unsigned.len());
    let (mantissa, exponent) = unsigned.split_at(mantissa_end);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let legal_mantissa = match mantissa.split_once('.') {
        None => digits(mantissa),
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
    };
    let legal_exponent = match exponent.get(1..) {
        None => true,
        Some(rest) => digits(rest.strip_prefix(['+', '-']).unwrap_or(rest)),
    };
    if legal_mantissa && legal_exponent { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars() {
        for (text, value) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("null", Scalar::Null),
            ("yes", Scalar::Bool(true)),
            ("Off", Scalar::Bool(false)),
            ("n", Scalar::Bool(false)),
            ("12", Scalar::Int(12)),
            ("-3", Scalar::Int(-3)),
            ("010", Scalar::Int(8)),
            ("0x1F", Scalar::Int(31)),
            ("1_000", Scalar::Int(1000)),
            ("0.5", Scalar::Float(0.5)),
            (".5", Scalar::Float(0.5)),
            ("1e3", Scalar::Float(1000.0)),
            ("089", Scalar::Float(89.0)),
            ("-.inf", Scalar::Float(f64::NEG_INFINITY)),
            ("99999999999999999999", Scalar::Float(1e20)),
        ] {
            assert_eq!(resolve(text), value, "{text:?}");
        }
    }

    #[test]
    fn what_looks_like_another_value_but_is_text() {
        for text in
            ["12m", "1.2.3", "0x", "-", ".", "+", "1e", "e3", "2020-01-01", "nO", "1.5Gi", "--1", "._1"]
        {
            assert_eq!(resolve(text), Scalar::Text(text), "{text:?}");
        }
    }
}
