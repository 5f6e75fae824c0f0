//! The page of a comparison: one file that needs nothing else.

use super::words;
use crate::report::chart::Chart;
use crate::report::format::{cut, title};
use crate::report::html::{environment, inline, recolour};
use crate::study::{Comparison, Move, Moves};
use minijinja::{Value, context};

/// Characters of a table's cell.
const CELL: usize = 600;

/// The page as HTML; `charts` are those of [`comparison_charts`](super::comparison_charts). It asks for
/// nothing beyond itself, and all that comes from the data is escaped.
pub fn comparison_html(comparison: &Comparison, charts: &[Chart], provenance: &[(String, String)]) -> String {
    environment()
        .render_named_str("comparison.html", include_str!("page.html"), page(comparison, charts, provenance))
        .expect("the template is part of the program, and a test renders it")
}

fn page(comparison: &Comparison, charts: &[Chart], provenance: &[(String, String)]) -> Value {
    let style = format!("{}{}", include_str!("../page.css"), recolour());
    let figure = |chart: &Chart| {
        let svg = Value::from_safe_string(inline(&chart.svg));
        context! { name => &chart.name, wide => chart.is_wide(), svg => svg }
    };
    let variant = |(index, name): (usize, &String)| {
        let settings = comparison.settings.get(index).map_or("", String::as_str);
        let same = comparison.identical.iter().find(|(later, _)| *later == index);
        let same = same.map_or("", |&(_, first)| comparison.variants[first].as_str());
        let is_baseline = index == comparison.baseline;
        context! { name => name, settings => cut(settings, CELL), baseline => is_baseline, same => same }
    };
    context! {
        title => cut(&comparison.title, 200),
        summary => words::summary(comparison),
        notes => words::notes(comparison),
        style => Value::from_safe_string(style),
        intervals => comparison.replications > 1,
        variants => comparison.variants.iter().enumerate().map(variant).collect::<Vec<Value>>(),
        rows => rows(comparison),
        charts => charts.iter().map(figure).collect::<Vec<Value>>(),
        moves => comparison.moves.iter().map(|moves| told(comparison, moves)).collect::<Vec<Value>>(),
        provenance => provenance.iter().take(100).map(|(key, text)| context! {
            key => cut(key, CELL), text => cut(text, CELL),
        }).collect::<Vec<Value>>(),
    }
}

fn rows(comparison: &Comparison) -> Vec<Value> {
    let cells = |row: &crate::study::Row| -> Vec<Value> {
        let one = |(variant, name): (usize, &String)| {
            let shown = words::Shown::of(row, variant);
            context! {
                variant => name, value => shown.value, difference => shown.difference,
                interval => shown.interval, change => shown.change,
            }
        };
        comparison.variants.iter().enumerate().map(one).collect()
    };
    let row = |row: &crate::study::Row| {
        context! {
            title => title(&row.name, row.unit), name => &row.name, definition => row.definition,
            cells => cells(row),
        }
    };
    comparison.rows.iter().map(row).collect()
}

fn told(comparison: &Comparison, moves: &Moves) -> Value {
    let list = |list: &[Move]| -> Vec<Value> {
        list.iter().map(|one| context! { waits => words::waits(one), why => cut(&one.why, CELL) }).collect()
    };
    context! {
        head => words::counts(comparison, moves),
        gained => list(&moves.gained),
        lost => list(&moves.lost),
    }
}
