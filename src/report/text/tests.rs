//! What holds for all text.

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::observe::{Bar, BarKind, Gantt};
use crate::report::sample::{hostile, outage};

fn longest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn summary_reads_well_in_eighty_columns() {
    expect![[r"
        zone-outage
        The run covers 6 h on 10 nodes. Of 60 pods, 52 succeeded, 3 still waited at the
        end and 3 failed. The mean wait was 3 min 35 s, one in twenty at least 22 min 4
        s. 63.4 % of the CPU was requested on average. The machines cost 31.42 EUR.
        Attention: 3 pods were never placed, 3 pods ended with an error, 2 pods were
        evicted, 1 failure of a node and 15 input rows were dropped, repaired or
        ignored.

        Pods
          Pods created                        60 pods
          Pods succeeded                      52 pods
          Pods failed                          3 pods
          Pods pending                         3 pods

        Waiting
          Wait mean                        3 min 35 s
          Wait p95                         22 min 4 s

        Completion
          Bounded slowdown mean                 1.716

        Utilization
          Utilization requested CPU            63.4 %

        Cost
          Cost total                        31.42 EUR

        Over time
          CPU requested         .::-=+*****##********++**+*###*++-:::.  up to 22 core
          CPU used              ...-=-=*+=**=**=+*==*+-+*-+#+=*+--:...  up to 16.5 core
          Memory requested      .::-=+*****##********++**+*###*++-:::.  up to 50 %
          Waiting               :--:____:--.___.*#*=-:_.--:____:--:___  up to 11 pods
          Running pods          .::-=+*****##********++**+*###*++-:::.  up to 11 pods
          Ready nodes           ################******################  up to 10 nodes

        Never placed
              2 0/10 nodes are available: 9 Insufficient cpu, 1 node(s) had untolerated
                 taint {node.kubernetes.io/unreachable: }. preemption: 0/10 nodes are
                 available: 1 Preemption is not helpful for scheduling, 9 No preemption
                 victims found for incoming pod.
              1 0/10 nodes are available: 10 node(s) didn't match Pod's node
                 affinity/selector.

        Input rows dropped, repaired or ignored
             12 rows of trace.csv without a run time were dropped
              3 requests above the largest node were cut to it
    "]]
    .assert_eq(&summary_table(&outage(), 80, Glyphs::Ascii));
}

#[test]
fn jobs_on_processors_fit_on_a_page() {
    let bar = |row, height, start, end, label: &str, kind| Bar {
        row,
        height,
        start,
        end,
        label: label.to_owned(),
        detail: String::new(),
        kind,
    };
    let gantt = Gantt {
        rows: (0..4).map(|row| format!("cpu {row}")).collect(),
        bars: vec![
            bar(0, 2, 0.0, 30.0, "job 1", BarKind::Ran),
            bar(2, 2, 0.0, 10.0, "job 2", BarKind::Failed),
            bar(2, 1, 10.0, 60.0, "job 3", BarKind::Lost),
            bar(0, 1, 30.0, 45.0, "job 4", BarKind::Ran),
            bar(3, 1, 50.0, 60.0, "", BarKind::Down),
        ],
        omitted: 0,
    };
    expect![[r"
        cpu 0 [job 1--------------------------][job 4---------]
        cpu 1 [-------------------------------]
        cpu 2 [job 2----![job 3-----------------------------------------------x
        cpu 3 [---------!                                           ###########
              +---------------+----------------+---------------+--------------+
              0               15               30              45             60
              time since the start (s); at its end: ] ran, ! failed, x work
              lost; # node down
    "]]
    .assert_eq(&text_gantt(&gantt, 72, Glyphs::Ascii));
    expect![[r"
        cpu 0 ├job 1───────────────┤├job 4───┤
        cpu 1 ├────────────────────┤
        cpu 2 ├job 2!├job 3─────────────────────────────x
        cpu 3 ├─────!                             ░░░░░░░
              ┬──────────┬──────────┬─────────┬─────────┬
              0          15         30        45        60
              time since the start (s); at its end: ┤ ran,
              ! failed, x work lost; ░ node down
    "]]
    .assert_eq(&text_gantt(&gantt, 50, Glyphs::Unicode));
}

#[test]
fn rooms_that_are_held_differ_from_work() {
    let bar = |row, start, end, kind| Bar {
        row,
        height: 1,
        start,
        end,
        label: "gang".into(),
        detail: String::new(),
        kind,
    };
    let gantt = Gantt {
        rows: vec!["n".into(), String::new()],
        bars: vec![
            bar(0, 0.0, 20.0, BarKind::Held),
            bar(0, 20.0, 60.0, BarKind::Ran),
            bar(1, 0.0, 60.0, BarKind::Held),
        ],
        omitted: 0,
    };
    expect![[r"
        n [gang==========][gang-------------------------]
          [gang=========================================]
          +-----------+-----------+----------+----------+
          0           15          30         45         60
          time since the start (s); at its end: ] ran, !
          failed, x work lost; # node down; = held its
          room, idle
    "]]
    .assert_eq(&text_gantt(&gantt, 50, Glyphs::Ascii));
}

#[test]
fn many_bars_become_counts() {
    let mut gantt = outage().gantt;
    gantt.rows.extend((10..60).map(|row| format!("worker-{row}")));
    let crowd: Vec<Bar> = (0..15).map(|_| Bar { row: 1, ..gantt.bars[5].clone() }).collect();
    gantt.bars.extend(crowd);
    let text = text_gantt(&gantt, 60, Glyphs::Ascii);
    assert!(text.contains("20 further rows not shown"), "{text}");
    assert!(text.contains('+') && text.contains("##"), "{text}");
    assert_eq!(text_gantt(&Gantt::default(), 80, Glyphs::Ascii), "no data\n");
}

#[test]
fn sparkline_shows_means() {
    let points = [(0.0, 0.0), (5.0, 4.0), (7.5, 2.0)];
    assert_eq!(sparkline(&points, 10.0, 4, Glyphs::Ascii), "__#=");
    assert_eq!(sparkline(&points, 10.0, 2, Glyphs::Unicode), "▁█");
    assert_eq!(sparkline(&[], 10.0, 3, Glyphs::Unicode), "   ");
    assert_eq!(sparkline(&points, f64::NAN, 3, Glyphs::Unicode), "   ");
}

#[test]
fn names_cannot_steer_a_terminal() {
    let mut results = hostile();
    results.title = "\u{1b}[2Jgone\u{7}".to_owned();
    results.gantt.rows[1] = "\u{1b}]0;title\u{7}".to_owned();
    for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
        let text = summary_table(&results, 80, glyphs) + &text_gantt(&results.gantt, 80, glyphs);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        assert!(glyphs == Glyphs::Unicode || text.is_ascii());
        assert!(longest(&text) <= 80, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_line_is_too_long(title in ".{0,200}", label in ".{0,60}", width in 0usize..130, row in any::<u32>()) {
        let mut results = outage();
        results.unplaced.push((title.clone(), 1));
        results.series[0].label = label.clone();
        results.gantt.rows[2] = label.clone();
        results.gantt.bars[3].label = label;
        results.gantt.bars[4].row = row;
        results.title = title;
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let text = summary_table(&results, width, glyphs) + &text_gantt(&results.gantt, width, glyphs);
            prop_assert!(longest(&text) <= width.max(NARROWEST), "{}", text);
        }
    }
}
