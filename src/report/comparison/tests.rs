//! Tests of comparisons as charts, text and pages.

use super::{comparison_charts, comparison_html};
use crate::observe::{Results, Sample};
use crate::report::chart::Chart;
use crate::report::sample::{hostile, outage};
use crate::report::scene::{Ink, Shape};
use crate::report::{Glyphs, comparison_table};
use crate::study::jobs::Kind;
use crate::study::{Comparison, Move, Moves, Row, Statistic};

const NASTY: &str = "<script>alert('x')</script>\u{202e}\n-a-name-that-is-much-too-long-for-any-column";

fn comparison(variants: usize, replications: u64) -> Comparison {
    let statistic = |variant: usize| Statistic {
        value: Some(30.0 + variant as f64),
        n: replications,
        difference: (variant > 0).then_some(-3_725.0),
        pairs: replications,
        half_width: (variant > 0 && replications > 1).then_some(61.0),
        change: (variant > 0).then_some(-0.125),
    };
    let row = |name: &str, unit| Row {
        name: name.to_owned(),
        unit,
        definition: "What it is.",
        cells: (0..variants).map(statistic).collect(),
    };
    let one = Move {
        job: NASTY.to_owned(),
        kind: Kind::Pods,
        size: "2 cores".to_owned(),
        baseline_wait: Some(60.0),
        wait: None,
        ahead: [1, 2],
        reason: "passes",
        others: vec![],
        why: format!("It passed {NASTY}."),
    };
    Comparison {
        title: NASTY.to_owned(),
        variants: (0..variants).map(|v| if v == 1 { NASTY.to_owned() } else { format!("v{v}") }).collect(),
        settings: (0..variants).map(|v| format!("a.b={NASTY}{v}")).collect(),
        baseline: 0,
        replications,
        confidence: 0.95,
        rows: vec![row("wait_mean_s", "s"), row("utilization_processors", "1"), row("odd", "jobs")],
        moves: vec![Moves { variant: 1, gained: vec![one.clone()], lost: vec![one], counts: [1, 2, 3] }],
        identical: vec![],
        seeds: (1..=replications).collect(),
    }
}

#[test]
fn no_line_of_the_table_is_too_long() {
    for replications in [1, 20] {
        for width in [0, 80, 120] {
            let text = comparison_table(&comparison(3, replications), width, Glyphs::Unicode);
            let longest = text.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(width.max(80)), "{longest:?} of {width}:\n{text}");
            assert!(!text.contains('\u{202e}'), "{text}");
        }
    }
    let text = comparison_table(&comparison(2, 20), 80, Glyphs::Unicode);
    for part in ["v0 (baseline)", "-1 h 2 min", "± 1 min 1 s", "-12.5 %", "95 % confidence", "pp"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    let single = comparison_table(&comparison(2, 1), 80, Glyphs::Ascii);
    assert!(
        !single.contains("confidence") && single.contains("no interval") && single.is_ascii(),
        "{single}"
    );
}

#[test]
fn the_page_escapes_what_it_shows_and_needs_nothing_else() {
    let compared = comparison(2, 20);
    let runs = [outage(), hostile()];
    let charts = comparison_charts(&compared, &runs.iter().collect::<Vec<_>>());
    let page = comparison_html(&compared, &charts, &[("command".into(), NASTY.into())]);
    assert!(!page.contains("<script"), "nothing of the data becomes markup");
    assert!(page.contains("&lt;script&gt;") && page.contains("95 % confidence"));
    let asks = ["http://", "https://", "src=", "@import", "url("];
    assert!(asks.iter().all(|part| !page.contains(part)), "the page asks for something");
    for section in ["id=\"metrics\"", "id=\"charts\"", "id=\"moves\"", "<svg"] {
        assert!(page.contains(section), "{section}");
    }
}

#[test]
fn panels_have_one_scale_of_time() {
    let compared = comparison(2, 1);
    let mut short = outage();
    short.end = crate::base::Time::ZERO;
    let end = |results: &Results| crate::report::plot::end_of_time(results);
    short.series.iter_mut().for_each(|series| series.points.truncate(2));
    short.gantt.bars.truncate(1);
    let long = outage();
    assert!(end(&short) < end(&long));
    let charts = comparison_charts(&compared, &[&long, &short]);
    let names: Vec<&str> = charts.iter().map(|chart| chart.name.as_str()).collect();
    assert!(
        names.contains(&"gantt") && names.iter().any(|name| name.starts_with("utilization_")),
        "{names:?}"
    );
    let gantt = charts.iter().find(|chart| chart.name == "gantt").expect("it is there");
    // Both panels have the same ticks, so each label of the axis is there twice.
    let labels = gantt.svg.matches(">\n").count() + gantt.svg.matches("<text").count();
    let single = comparison_charts(&comparison(1, 1), &[&long]);
    let alone = single.iter().find(|chart| chart.name == "gantt").expect("it is there");
    assert!(labels > alone.svg.matches("<text").count(), "the second panel has an axis of its own");
}

/// The step lines of a chart, each with its colour.
fn lines(chart: &Chart) -> Vec<(Ink, Vec<(f64, f64)>)> {
    let line = |shape: &Shape| match shape {
        Shape::Steps { points, ink, .. } => Some((*ink, points.clone())),
        _ => None,
    };
    chart.shapes().iter().filter_map(line).collect()
}

#[test]
fn distributions_stand_side_by_side_on_the_same_axes() {
    let sample = |values: &[f64]| Sample {
        name: "wait_s".to_owned(),
        label: "Wait".to_owned(),
        unit: "s",
        values: values.to_vec(),
    };
    let [mut slow, mut fast, mut none] = [outage(), outage(), outage()];
    let hundred: Vec<f64> = (0..100).map(f64::from).collect();
    slow.samples = vec![sample(&hundred)];
    fast.samples = vec![sample(&[0.0, 0.0, 50.0, 50.0])];
    none.samples = vec![];
    let charts = comparison_charts(&comparison(3, 1), &[&slow, &fast, &none]);
    let chart = |name: &str| charts.iter().find(|chart| chart.name == name).expect("it is drawn");
    let panels = chart("cdf_wait_s_side_by_side");
    assert!(panels.is_wide() && !chart("cdf_wait_s").is_wide());
    // The baseline's panel has its curve, the second the baseline's behind its own, the third neither.
    let drawn = lines(panels);
    let inks: Vec<Ink> = drawn.iter().map(|(ink, _)| *ink).collect();
    assert_eq!(inks, [Ink::Blue, Ink::Axis, Ink::Orange]);
    assert_eq!(panels.svg.matches("no data").count(), 1);
    let [baseline, behind, own] = [0, 1, 2].map(|line| drawn[line].1.clone());
    let moved = behind[0].0 - baseline[0].0;
    assert!(moved > 100.0, "the second panel is right of the first");
    let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
    let same = baseline.iter().zip(&behind).all(|(a, b)| near(a.0 + moved, b.0) && near(a.1, b.1));
    assert!(same && baseline.len() == behind.len(), "one scale");
    // Half of the values are 0, all are at most 50: half way up the panel, then from its middle at the top.
    let top = baseline[baseline.len() - 1].1;
    // The baseline begins at the first of its hundred values.
    let half = top + (baseline[0].1 - top) / 0.99 * 0.5;
    let (left, right) = (behind[0].0, behind[behind.len() - 1].0);
    let at_half: Vec<f64> = own.iter().filter(|at| near(at.1, half)).map(|at| at.0).collect();
    assert_eq!(at_half, [left, f64::midpoint(left, right)]);
    assert_eq!(own.last(), Some(&(right, top)));
    for note in
        ["median 49.5 s, p95 1 min 34 s", "median 25 s, p95 50 s", ">baseline<", "at most x (%); Wait (s)<"]
    {
        assert!(panels.svg.contains(note), "{note}");
    }
    let overlaid: Vec<Ink> = lines(chart("cdf_wait_s")).iter().map(|(ink, _)| *ink).collect();
    assert_eq!(overlaid, [Ink::Orange, Ink::Blue], "the common plot has both, the first on top");
}

#[test]
fn nothing_to_draw_is_no_chart_and_many_variants_are_bounded() {
    assert!(comparison_charts(&comparison(2, 1), &[&Results::default(), &Results::default()]).is_empty());
    let run = outage();
    let charts = comparison_charts(&comparison(40, 1), &vec![&run; 40]);
    assert!(charts.iter().all(|chart| chart.svg.len() < 2_000_000));
    assert!(charts.iter().any(|chart| chart.svg.contains("28 further variants not drawn")));
}
