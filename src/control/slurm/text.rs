//! Slurm's ways of writing times and lists of hosts.

/// The most hosts that an expression may stand for.
pub const MAX_HOSTS: usize = 100_000;

/// A time limit in seconds: minutes, `minutes:seconds`, `hours:minutes:seconds`, `days-hours`,
/// `days-hours:minutes`, `days-hours:minutes:seconds`; `UNLIMITED`, `INFINITE` and `-1` are no limit
/// (the inner `None`).
///
/// # Errors
/// What would be right.
pub fn parse_time(text: &str) -> Result<Option<u64>, &'static str> {
    const WRONG: &str = "write minutes, [hours:]minutes:seconds, days-hours[:minutes[:seconds]] or UNLIMITED";
    let text = text.trim();
    if ["unlimited", "infinite", "-1"].contains(&text.to_ascii_lowercase().as_str()) {
        return Ok(None);
    }
    let number = |word: &str| word.parse::<u64>().ok().filter(|number| *number <= 1_000_000_000).ok_or(WRONG);
    let numbers = |text: &str| text.split(':').map(number).collect::<Result<Vec<u64>, _>>();
    let seconds = match text.split_once('-') {
        Some((days, rest)) => {
            let days = number(days)? * 86_400;
            match numbers(rest)?.as_slice() {
                [hours] => days + hours * 3600,
                [hours, minutes] => days + hours * 3600 + minutes * 60,
                [hours, minutes, seconds] => days + hours * 3600 + minutes * 60 + seconds,
                _ => return Err(WRONG),
            }
        }
        None => match numbers(text)?.as_slice() {
            [minutes] => minutes * 60,
            [minutes, seconds] => minutes * 60 + seconds,
            [hours, minutes, seconds] => hours * 3600 + minutes * 60 + seconds,
            _ => return Err(WRONG),
        },
    };
    Ok(Some(seconds))
}

/// The hosts of an expression such as `n[1-3,7],login`: leading zeros are kept.
///
/// # Errors
/// What is wrong with it.
pub fn expand_hosts(text: &str) -> Result<Vec<String>, &'static str> {
    let mut hosts = Vec::new();
    for part in split_outside_brackets(text) {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        expand_one(part, &mut hosts)?;
        if hosts.len() > MAX_HOSTS {
            return Err("stands for more than 100,000 hosts");
        }
    }
    Ok(hosts)
}

fn split_outside_brackets(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0_u32, 0);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(&text[begin..place]);
                begin = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

fn expand_one(part: &str, hosts: &mut Vec<String>) -> Result<(), &'static str> {
    let Some((prefix, rest)) = part.split_once('[') else {
        if part.contains(']') {
            return Err("has a bracket that is not opened");
        }
        hosts.push(part.to_owned());
        return Ok(());
    };
    let (ranges, suffix) = rest.split_once(']').ok_or("has a bracket that is not closed")?;
    for range in ranges.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let width = first.len();
        let number = |word: &str| word.parse::<u64>().map_err(|_| "has a range that is not of numbers");
        let (first, last) = (number(first)?, number(last)?);
        if last < first || last - first > MAX_HOSTS as u64 {
            return Err("has a range that runs backwards or is too long");
        }
        for host in first..=last {
            let name = format!("{prefix}{host:0width$}");
            if suffix.contains('[') {
                expand_one(&format!("{name}{suffix}"), hosts)?;
            } else {
                hosts.push(format!("{name}{suffix}"));
            }
            if hosts.len() > MAX_HOSTS {
                return Err("stands for more than 100,000 hosts");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let cases = [
            ("30", Ok(Some(1800))),
            ("1:30", Ok(Some(90))),
            ("02:00:05", Ok(Some(7205))),
            ("1-0", Ok(Some(86_400))),
            ("1-02:03", Ok(Some(93_780))),
            ("7-00:00:01", Ok(Some(604_801))),
            ("UNLIMITED", Ok(None)),
            ("infinite", Ok(None)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_time(text), expected, "{text}");
        }
        for text in ["", "x", "1:2:3:4", "-5", "1-", "99999999999999999999"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hosts() {
        let expand = |text| expand_hosts(text).map(|hosts| hosts.join(" "));
        assert_eq!(expand("n[1-3,7],login"), Ok("n1 n2 n3 n7 login".to_owned()));
        assert_eq!(expand("n[08-11]-ib"), Ok("n08-ib n09-ib n10-ib n11-ib".to_owned()));
        assert_eq!(expand("r[1-2]n[1-2]"), Ok("r1n1 r1n2 r2n1 r2n2".to_owned()));
        for text in ["n[1-", "n]", "n[a-b]", "n[3-1]", "n[1-99999999]"] {
            assert!(expand(text).is_err(), "{text}");
        }
    }
}
