//! Numbers, durations and names as people read them, the same on every platform.

/// The digits that are kept of a number that is not whole.
const DIGITS: i32 = 4;

/// 10 to the power of `exponent`, correctly rounded.
pub(super) fn power_of_ten(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().unwrap_or(1.0)
}

/// The decimal exponent of a number's first digit; 0 for 0 and for what is not finite.
pub(super) fn magnitude(value: f64) -> i32 {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    let written = format!("{:e}", value.abs());
    written.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

/// A number with four significant digits, thousands grouped: `12,345`, `0.0125`, `1.235e30`.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "not a number".to_owned();
    }
    let magnitude = magnitude(value);
    if value != 0.0 && !(-4..15).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    if value.fract() == 0.0 {
        return grouped(&format!("{value:.0}"));
    }
    let decimals = (DIGITS - 1 - magnitude).clamp(0, 8) as usize;
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    grouped(text)
}

/// Puts commas between groups of three digits of the whole part.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut out = String::from(if whole == "0" && fraction.is_empty() { "" } else { sign });
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

/// A count with its noun: `1 pod`, `1,200 pods`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(&count.to_string()), if count == 1 { one } else { many })
}

/// Seconds in at most two units: `350 ms`, `12.5 s`, `3 h 12 min`, `2 d 4 h`.
pub(super) fn duration(seconds: f64) -> String {
    const UNITS: [(&str, f64); 4] = [("d", 86_400.0), ("h", 3_600.0), ("min", 60.0), ("s", 1.0)];
    if !seconds.is_finite() {
        return "not a number".to_owned();
    }
    if seconds < 0.0 {
        return format!("-{}", duration(-seconds));
    }
    if seconds < 59.95 {
        return short_duration(seconds);
    }
    let rounded = if seconds < 3_600.0 { seconds.round() } else { (seconds / 60.0).round() * 60.0 };
    let first = UNITS.iter().position(|unit| rounded >= unit.1).unwrap_or(2).min(2);
    let (name, size) = UNITS[first];
    let (next_name, next_size) = UNITS[first + 1];
    let whole = (rounded / size).floor();
    let rest = ((rounded - whole * size) / next_size).floor();
    if rest == 0.0 || whole >= 100.0 {
        return format!("{} {name}", number(whole));
    }
    format!("{whole} {name} {rest} {next_name}")
}

/// A duration below one minute in the unit that fits.
fn short_duration(seconds: f64) -> String {
    let (factor, unit) = match seconds {
        s if s == 0.0 || s >= 0.9995 => (1.0, "s"),
        s if s >= 0.000_999_5 => (1e3, "ms"),
        s if s >= 0.000_000_999_5 => (1e6, "µs"),
        _ => (1e9, "ns"),
    };
    let value = seconds * factor;
    let decimals = (2 - magnitude(value)).clamp(0, 2) as usize;
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {unit}")
}

/// A number of bytes with a binary prefix.
fn bytes(value: f64) -> String {
    let (factor, unit) = binary_prefix(value);
    format!("{} {unit}", number((value / factor * 100.0).round() / 100.0))
}

/// The binary prefix that suits `value` bytes.
pub(super) fn binary_prefix(value: f64) -> (f64, &'static str) {
    const PREFIXES: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut factor = 1.0;
    for unit in PREFIXES {
        if value.abs() < factor * 1024.0 {
            return (factor, unit);
        }
        factor *= 1024.0;
    }
    (factor / 1024.0, "EiB")
}

/// Whether a metric or series of unit `1` is a share of a whole, to be shown in percent. Ratios
/// such as a slowdown have the unit `1` too.
pub(super) fn is_share(name: &str, unit: &str) -> bool {
    const SHARES: [&str; 11] = [
        "utilization",
        "utilisation",
        "share",
        "fraction",
        "requested_",
        "used_",
        "availab",
        "fragment",
        "rate",
        "busy_",
        "stranded",
    ];
    unit == "%" || unit == "1" && !name.ends_with("_n") && SHARES.iter().any(|word| name.contains(word))
}

/// Whether the unit is bytes.
pub(super) fn is_bytes(unit: &str) -> bool {
    matches!(unit, "B" | "byte" | "bytes")
}

/// The value of a metric with its unit, as the summary shows it. `None` and what is not a number
/// are an en dash.
pub(super) fn value(name: &str, value: Option<f64>, unit: &str) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return "–".to_owned() };
    match unit {
        "s" => duration(value),
        "1" if is_share(name, unit) && value > 0.0 && value < 0.0005 => "< 0.1 %".to_owned(),
        "1" if is_share(name, unit) => format!("{} %", number((value * 1000.0).round() / 10.0)),
        "1" | "" => brief(value),
        "B" | "byte" | "bytes" => bytes(value),
        // Prices have no unit in a scenario; their sums have two decimals, as money has.
        "currency" if value.abs() < 10_000.0 => grouped(&format!("{value:.2}")),
        "currency" => number(value.round()),
        "pods" | "jobs" | "nodes" | "processors" if value.to_bits() == 1f64.to_bits() => {
            format!("1 {}", &unit[..unit.len() - 1])
        }
        unit => format!("{} {unit}", brief(value)),
    }
}

/// A number of which nobody wants more digits: three decimals below one.
fn brief(value: f64) -> String {
    match value.abs() {
        size if size > 0.0 && size < 0.0005 => if value > 0.0 { "< 0.001" } else { "> -0.001" }.to_owned(),
        size if size < 1.0 => number((value * 1000.0).round() / 1000.0),
        _ => number(value),
    }
}

/// A metric's name in words: `wait_mean_s` is `wait mean`, a scope follows in parentheses.
pub(super) fn title(name: &str, unit: &str) -> String {
    let (base, scope) = split_scope(name);
    let suffix = format!("_{unit}");
    let words = base.strip_suffix(suffix.as_str()).unwrap_or(base).replace('_', " ");
    let mut words: Vec<String> = words.split(' ').map(capitals).collect();
    if let Some(first) = words.first_mut().filter(|word| !word.contains(|c: char| c.is_ascii_uppercase())) {
        let mut rest = first.chars();
        *first = rest.next().map(|c| c.to_uppercase().chain(rest).collect()).unwrap_or_default();
    }
    let words = words.join(" ");
    scope.map_or(words.clone(), |(kind, place)| format!("{words} ({kind} {place})"))
}

/// Splits `utilization_cpu.zone.a` into `utilization_cpu`, `zone` and `a`. Names of resources may
/// have points of their own.
pub(super) fn split_scope(name: &str) -> (&str, Option<(&str, &str)>) {
    const KINDS: [&str; 3] = ["pool", "zone", "workload"];
    let places = name.match_indices('.').filter_map(|(at, _)| {
        let (kind, place) = name[at + 1..].split_once('.')?;
        KINDS.contains(&kind).then_some((&name[..at], Some((kind, place))))
    });
    places.into_iter().next().unwrap_or((name, None))
}

/// Writes the usual abbreviations as they are written in text.
fn capitals(word: &str) -> String {
    match word {
        "cpu" | "gpu" | "api" | "hpa" | "io" | "oom" | "cdf" => word.to_uppercase(),
        _ => word.to_owned(),
    }
}

/// `text` cut to `limit` characters, with an ellipsis where something is gone.
pub(super) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => {
            let kept = text[..end].char_indices().next_back().map_or("", |(last, _)| &text[..last]);
            format!("{kept}…")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits_and_group_thousands() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (7.0, "7"),
            (1234.0, "1,234"),
            (-1_234_567.0, "-1,234,567"),
            (0.012_345, "0.01235"),
            (12.50, "12.5"),
            (12_345.678, "12,346"),
            (1e30, "1.000e30"),
            (1.5e-9, "1.500e-9"),
            (f64::NAN, "not a number"),
            (f64::INFINITY, "not a number"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text, "{value:?}");
        }
    }

    #[test]
    fn durations_take_the_unit_that_fits() {
        let cases = [
            (0.0, "0 s"),
            (2.5e-7, "250 ns"),
            (0.0125, "12.5 ms"),
            (0.9999, "1 s"),
            (12.34, "12.3 s"),
            (59.99, "1 min"),
            (61.0, "1 min 1 s"),
            (3_599.9, "1 h"),
            (11_520.0, "3 h 12 min"),
            (187_200.0, "2 d 4 h"),
            (86_400.0 * 400.0, "400 d"),
            (-90.0, "-1 min 30 s"),
            (1e30, "1.157e25 d"),
            (f64::NAN, "not a number"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text, "{seconds:?}");
        }
    }

    #[test]
    fn values_show_what_their_unit_means() {
        assert_eq!(value("utilization_requested_cpu", Some(0.634_21), "1"), "63.4 %");
        assert_eq!(value("bounded_slowdown_mean", Some(6.5), "1"), "6.5");
        assert_eq!(value("fragmentation_samples_n", Some(4.0), "1"), "4");
        assert_eq!(value("memory", Some(1536.0 * 1024.0 * 1024.0), "B"), "1.5 GiB");
        assert_eq!(value("wait_mean_s", None, "s"), "–");
        assert_eq!(value("cost_total", Some(f64::NAN), "EUR"), "–");
        assert_eq!(value("created", Some(60.0), "pods"), "60 pods");
        assert_eq!(value("created", Some(1.0), "pods"), "1 pod");
        assert_eq!(value("queue_length_mean", Some(1.153e-5), "1"), "< 0.001");
        assert_eq!(value("queue_length_mean", Some(0.007_558), "1"), "0.008");
        assert_eq!(value("utilization_used_memory", Some(0.000_1), "1"), "< 0.1 %");
        assert_eq!(value("cost_total", Some(16.0167), "currency"), "16.02");
    }

    #[test]
    fn names_become_titles() {
        assert_eq!(title("wait_mean_s", "s"), "Wait mean");
        assert_eq!(title("utilization_requested_cpu.zone.a", "1"), "Utilization requested CPU (zone a)");
        assert_eq!(title("utilization_used_nvidia.com/gpu", "1"), "Utilization used nvidia.com/gpu");
        assert_eq!(title("", "1"), "");
    }

    #[test]
    fn cutting_respects_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("ab", 0), "…");
    }
}
