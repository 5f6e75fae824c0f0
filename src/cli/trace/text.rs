//! Values of traces in few characters.

use crate::trace::Summary;

/// Seconds in at most two units and seven characters: `6.25s`, `45m6s`, `12d3h`.
pub(super) fn time(seconds: f64) -> String {
    const UNITS: [(&str, f64); 4] = [("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0)];
    if !seconds.is_finite() || seconds < 59.95 {
        return format!("{}s", number(seconds));
    }
    let unit = UNITS.iter().position(|(_, size)| seconds >= *size).unwrap_or(2).min(2);
    let ((large, size), (small, part)) = (UNITS[unit], UNITS[unit + 1]);
    let parts = (seconds / part).round();
    let per = size / part;
    let (whole, rest) = ((parts / per).floor(), parts % per);
    if rest < 0.5 || whole >= 1_000.0 {
        return format!("{}{large}", number(whole));
    }
    format!("{whole}{large}{rest}{small}")
}

/// A number with three significant digits, larger ones with a suffix: `0.25`, `12345`, `1.2M`.
pub(super) fn number(value: f64) -> String {
    const SUFFIXES: [(f64, &str); 4] = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")];
    let size = value.abs();
    if size.is_nan() || size >= 1e18 {
        return format!("{value:.1e}");
    }
    if let Some((unit, suffix)) = SUFFIXES.iter().find(|(unit, _)| size >= *unit) {
        return format!("{}{suffix}", trimmed(format!("{:.1}", value / unit)));
    }
    let decimals = if size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else if size >= 0.1 {
        2
    } else {
        4
    };
    trimmed(format!("{value:.decimals$}"))
}

/// Bytes with a binary suffix: `512Mi`, `1.5Gi`.
pub(super) fn bytes(value: f64) -> String {
    const SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let (mut value, mut suffix) = (value, 0);
    while value >= 1024.0 && suffix + 1 < SUFFIXES.len() {
        value /= 1024.0;
        suffix += 1;
    }
    format!("{}{}", number(value), SUFFIXES[suffix])
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{}%", number(share * 100.0))
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The heads of the columns of [`quantiles`].
pub(super) const QUANTILES: [&str; 8] = ["min", "25%", "median", "75%", "95%", "99%", "max", "mean"];

/// The numbers of a distribution in the order of [`QUANTILES`].
pub(super) fn quantiles(summary: &Summary) -> [f64; 8] {
    let Summary { min, p25, p50, p75, p95, p99, max, mean, .. } = *summary;
    [min, p25, p50, p75, p95, p99, max, mean]
}

/// Text cut to `width` characters.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short() {
        let times = [0.0, 0.25, 6.25, 59.99, 60.0, 3_599.9, 3_601.0, 11_565.0, 1e6, 1e30];
        let short = times.map(time);
        assert_eq!(short, ["0s", "0.25s", "6.25s", "1m", "1m", "60m", "1h", "3h13m", "11d14h", "1.2e25d"]);
        assert_eq!(
            [0.0, 0.012_34, 12.345, 99_999.0, 1.25e6, f64::NAN].map(number),
            ["0", "0.0123", "12.3", "99999", "1.2M", "NaN"]
        );
        assert_eq!([512.0, 1.5 * 1024.0 * 1024.0 * 1024.0].map(bytes), ["512", "1.5Gi"]);
        assert!(times.iter().all(|seconds| time(*seconds).len() <= 7));
    }
}
