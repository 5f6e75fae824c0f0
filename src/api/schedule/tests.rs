//! Schedules: what is read, and the times that follow.

use super::*;
use expect_test::expect;
use jiff::Timestamp;

fn unix(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

/// The next times after `after`, on the clocks of `zone_name`.
fn times(schedule: &str, zone_name: &str, after: &str, count: usize) -> String {
    let zone = zone(zone_name).unwrap();
    let schedule = Schedule::parse(schedule, zone.clone()).unwrap();
    let mut at = unix(after);
    let mut shown = Vec::new();
    for _ in 0..count {
        at = schedule.next(at);
        let moment = Timestamp::from_second(at).unwrap().to_zoned(zone.clone().unwrap_or(TimeZone::UTC));
        shown.push(moment.strftime("%Y-%m-%d %a %H:%M%:z").to_string());
    }
    shown.join("\n")
}

#[test]
fn lists_ranges_steps_and_names() {
    expect![[r"
        2026-01-01 Thu 09:07+00:00
        2026-01-01 Thu 09:22+00:00
        2026-01-01 Thu 09:37+00:00
        2026-01-01 Thu 09:52+00:00
        2026-01-02 Fri 08:07+00:00"]]
    .assert_eq(&times("7/15 8-9 ? JAN,feb Mon-Fri", "", "2026-01-01T08:59:59Z", 5));
    expect![[r"
        2026-01-01 Thu 00:05+00:00
        2026-01-01 Thu 03:05+00:00
        2026-01-01 Thu 22:05+00:00
        2026-01-02 Fri 00:05+00:00"]]
    .assert_eq(&times("5 0-3/3,22 * * *", "UTC", "2025-12-31T23:59:59Z", 4));
}

#[test]
fn either_day_is_enough_unless_one_is_a_star() {
    expect![[r"
        2026-02-06 Fri 00:00+00:00
        2026-02-13 Fri 00:00+00:00
        2026-02-20 Fri 00:00+00:00
        2026-02-27 Fri 00:00+00:00
        2026-03-06 Fri 00:00+00:00"]]
    .assert_eq(&times("0 0 13 * 5", "", "2026-02-01T00:00:00Z", 5));
    expect![[r"
        2026-02-13 Fri 00:00+00:00
        2026-03-13 Fri 00:00+00:00"]]
    .assert_eq(&times("0 0 13 * *", "", "2026-02-01T00:00:00Z", 2));
    // A step above one takes the star away, so that odd days and Sundays both count.
    expect![[r"
        2026-02-03 Tue 00:00+00:00
        2026-02-05 Thu 00:00+00:00
        2026-02-07 Sat 00:00+00:00
        2026-02-08 Sun 00:00+00:00"]]
    .assert_eq(&times("0 0 */2 * 0", "", "2026-02-01T00:00:00Z", 4));
}

#[test]
fn words() {
    for (word, fields) in [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * sun"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ] {
        assert_eq!(Schedule::parse(word, None), Schedule::parse(fields, None), "{word}");
    }
    for (text, seconds) in [
        ("1h30m", 5_400),
        ("1.5h", 5_400),
        ("90.9s", 90),
        ("5ms", 1),
        ("-3h", 1),
        ("0", 1),
        (".5m", 30),
        ("+2µs1m", 60),
    ] {
        let schedule = Schedule::parse(&format!("@every {text}"), None).unwrap();
        assert_eq!(schedule.next(1_000), 1_000 + seconds, "{text}");
    }
}

#[test]
fn clocks_that_are_put_forward_and_back() {
    // 02:30 does not exist on the 8th of March, and the day is left out.
    expect![[r"
        2026-03-07 Sat 02:30-05:00
        2026-03-09 Mon 02:30-04:00"]]
    .assert_eq(&times("30 2 * * *", "America/New_York", "2026-03-07T00:00:00Z", 2));
    // 01:30 happens twice on the 1st of November, and both count.
    expect![[r"
        2026-10-31 Sat 01:30-04:00
        2026-11-01 Sun 01:30-04:00
        2026-11-01 Sun 01:30-05:00
        2026-11-02 Mon 01:30-05:00"]]
    .assert_eq(&times("30 1 * * *", "America/New_York", "2026-10-31T00:00:00Z", 4));
    // Midnight does not exist on the 4th of November 2018.
    expect![[r"
        2018-11-03 Sat 00:00-03:00
        2018-11-05 Mon 00:00-02:00"]]
    .assert_eq(&times("0 0 * * *", "America/Sao_Paulo", "2018-11-02T12:00:00Z", 2));
    expect![[r"
        2026-01-01 Thu 10:00+05:30
        2026-01-01 Thu 11:00+05:30"]]
    .assert_eq(&times("0 * * * *", "Asia/Kolkata", "2026-01-01T04:00:00Z", 2));
}

#[test]
fn days_that_are_rare_or_never_come() {
    expect!["2028-02-29 Tue 00:00+00:00"].assert_eq(&times("0 0 29 2 *", "", "2026-01-01T00:00:00Z", 1));
    let never = Schedule::parse("59 23 31 2 *", None).unwrap();
    assert_eq!(never.next(unix("2026-01-01T00:00:00Z")), NEVER);
    assert_eq!(never.next(NEVER), NEVER);
    // 2100 is no leap year, so that the next is eight years on.
    let leap = Schedule::parse("0 0 29 2 *", None).unwrap();
    assert_eq!(leap.next(unix("2096-03-01T00:00:00Z")), NEVER);
    assert_eq!(Schedule::parse(", * * * *", None).unwrap().next(0), NEVER);
    assert_eq!(never.next(i64::MAX), NEVER);
    assert_eq!(never.next(i64::MIN), NEVER);
}

#[test]
fn what_is_no_schedule() {
    let wrong = [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "5-2 * * * *",
        "1-2-3 * * * *",
        "1/2/3 * * * *",
        "*/0 * * * *",
        "-5 * * * *",
        "x * * * *",
        "* * * * mo",
        "9999999999999999999 * * * *",
        "@hourl",
        "@every",
        "@every 5",
        "@every 1h30",
        "@every 9999999h",
        "TZ=No/Where * * * * *",
        "TZ=UTC",
    ];
    let answers = wrong.map(|text| Schedule::parse(text, None).unwrap_err().to_string()).join("\n");
    expect![[r"
        a schedule has five fields (minute, hour, day of month, month, day of week), but this has 0
        a schedule has five fields (minute, hour, day of month, month, day of week), but this has 4
        a schedule has five fields (minute, hour, day of month, month, day of week), but this has 6
        `60` is no minute: it must be from 0 to 59
        `24` is no hour: it must be from 0 to 23
        `0` is no day of month: it must be from 1 to 31
        `13` is no month: it must be from 1 to 12
        `7` is no day of week: it must be from 0 to 6
        `5-2` is no minute: the range ends before it begins
        `1-2-3` is no minute: there are too many hyphens
        `1/2/3` is no minute: there are too many slashes
        `*/0` is no minute: the step must be at least 1
        `-5` is no minute: `` is no number
        `x` is no minute: `x` is no number
        `mo` is no day of week: `mo` is no number
        `9999999999999999999` is no minute: `9999999999999999999` is no number
        `@hourl` is not known; one of @yearly, @monthly, @weekly, @daily, @hourly, or @every and a duration
        `@every` is not known; one of @yearly, @monthly, @weekly, @daily, @hourly, or @every and a duration
        `5` is no duration; write it such as `1h30m`
        `1h30` is no duration; write it such as `1h30m`
        `9999999h` is no duration; write it such as `1h30m`
        the time zone `No/Where` is not known
        a schedule has five fields (minute, hour, day of month, month, day of week), but this has 0"]]
    .assert_eq(&answers);
}

#[test]
fn zones_are_found_by_their_exact_names() {
    for name in ["Europe/Berlin", "Etc/UTC", "US/Eastern", "GMT"] {
        assert!(matches!(zone(name), Some(Some(_))), "{name}");
    }
    for name in ["europe/berlin", "No/Where", "Etc/Unknown", "../UTC", "utc"] {
        assert_eq!(zone(name), None, "{name}");
    }
    let inline = Schedule::parse("CRON_TZ=Asia/Tokyo 0 0 * * *", None).unwrap();
    assert_eq!(inline.next(unix("2026-01-01T00:00:00Z")), unix("2026-01-01T15:00:00Z"));
}
