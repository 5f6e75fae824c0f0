//! The page of a run: one file that needs nothing else and is complete without its script.

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Value, context};

use super::chart::{Chart, file_name};
use super::format::{counted, cut, number, title, value};
use super::plot::plots;
use super::scene::Ink;
use super::text::{Glyphs, Shown, story_text};
use super::{data, words};
use crate::base::{Span, Time};
use crate::observe::follow::Story;
use crate::observe::{BarKind, FailingPod, Metric, Results};

/// How many lines of the event log the page shows.
const EVENTS: usize = 300;
/// How many rows the other lists show.
const ROWS: usize = 100;
/// How many pods are told of in full.
const STORIES: usize = 10;
/// How many metrics are listed.
const METRICS: usize = 600;
/// Characters of a table's cell.
const CELL: usize = 400;

/// The page as HTML; `charts` are those of [`charts`](super::charts) of the same results.
///
/// It asks for nothing beyond itself, not even a font, and tells the browser so. All that comes
/// from the data is escaped.
pub fn html(results: &Results, charts: &[Chart]) -> String {
    environment()
        .render_named_str("page.html", include_str!("page.html"), page(results, charts))
        .expect("the template is part of the program, and a test renders it")
}

/// What renders pages: everything is escaped.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment
}

fn page(results: &Results, charts: &[Chart]) -> Value {
    let name = if results.title.is_empty() { "Run" } else { &results.title };
    let omitted = results.events_omitted + results.events.len().saturating_sub(EVENTS) as u64;
    context! {
        title => cut(name, 200),
        summary => words::summary(results),
        style => Value::from_safe_string(format!("{}{}", include_str!("page.css"), recolour())),
        script => Value::from_safe_string(include_str!("page.js").to_owned()),
        data => Value::from_safe_string(data::json(results)),
        headline => headline(results),
        unplaced => counts(&results.unplaced),
        remarks => counts(&results.remarks),
        troubles => troubles(results),
        failing => failing(results),
        stories => stories(results),
        stories_omitted => results.stories.len().saturating_sub(STORIES),
        charts => figures(results, charts),
        groups => groups(results),
        metrics_omitted => results.metrics.len().saturating_sub(METRICS),
        events => events(results),
        events_omitted => if omitted > 0 { counted(omitted, "further line is", "further lines are") } else { String::new() },
        provenance => results.provenance.iter().take(ROWS).map(|(key, text)| context! {
            key => cut(key, CELL), text => cut(text, CELL),
        }).collect::<Vec<Value>>(),
    }
}

/// The pods with the most failed attempts: a row for each reason.
fn failing(results: &Results) -> Vec<Value> {
    let moment = |time: Time| Span(time.0).rounded().to_string();
    let rows = |pod: &FailingPod| {
        let mut rows: Vec<Value> = pod
            .groups
            .iter()
            .map(|group| {
                context! {
                    count => number(group.count as f64),
                    first => moment(group.first),
                    last => moment(group.last),
                    message => cut(&group.message, CELL),
                }
            })
            .collect();
        if pod.others > 0 {
            let count = number(pod.others as f64);
            rows.push(context! { count => count, first => "", last => "", message => "other messages" });
        }
        rows
    };
    results.failing.iter().map(|pod| context! { name => cut(&pod.pod, CELL), rows => rows(pod) }).collect()
}

/// The pods that were asked about, each as text.
fn stories(results: &Results) -> Vec<Value> {
    let shown = Shown { top: 5, all_refused: false, width: 110 };
    let story = |story: &Story| {
        context! { name => cut(&story.pod, CELL), text => story_text(story, shown, Glyphs::Unicode) }
    };
    results.stories.iter().take(STORIES).map(story).collect()
}

/// Rules that give the static charts the page's colours, which a dark screen changes.
pub(super) fn recolour() -> String {
    let rule = |ink: &Ink| {
        let (red, green, blue) = ink.rgb();
        let (code, name) = (format!("#{red:02X}{green:02X}{blue:02X}"), ink.name());
        format!(
            ".still [fill=\"{code}\"]{{fill:var(--ink-{name})}}.still [stroke=\"{code}\"]{{stroke:var(--ink-{name})}}"
        )
    };
    Ink::ALL.iter().map(rule).collect()
}

fn headline(results: &Results) -> Vec<Value> {
    let mut headline: Vec<&Metric> =
        results.metrics.iter().filter(|metric| words::is_shown(metric)).collect();
    headline.truncate(24);
    let card = |metric: &&Metric| {
        context! {
            title => title(&metric.name, metric.unit),
            value => value(&metric.name, metric.value, metric.unit),
            definition => metric.definition,
        }
    };
    headline.iter().map(card).collect()
}

/// Texts with counts, the largest count first; the rest in one last row.
fn counts(pairs: &[(String, u64)]) -> Vec<Value> {
    let mut pairs: Vec<&(String, u64)> = pairs.iter().collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.1));
    let rest = pairs.iter().skip(ROWS).fold(0u64, |sum, pair| sum.saturating_add(pair.1));
    let row =
        |text: String, count: u64| context! { text => text, count => number(count as f64), sort => count };
    let mut rows: Vec<Value> = pairs.iter().take(ROWS).map(|pair| row(cut(&pair.0, CELL), pair.1)).collect();
    if rest > 0 {
        rows.push(row("all others".to_owned(), rest));
    }
    rows
}

/// What went wrong: how often, and the first of those that it happened to, by name.
fn troubles(results: &Results) -> Vec<Value> {
    const NAMED: usize = 8;
    let trouble = |trouble: words::Trouble| {
        let mut bars: Vec<_> =
            results.gantt.bars.iter().filter(|bar| trouble.kind == Some(bar.kind)).collect();
        bars.sort_by(|a, b| a.start.total_cmp(&b.start));
        let name = |bar: &crate::observe::Bar| {
            let row = results.gantt.rows.get(bar.row as usize).filter(|_| bar.kind == BarKind::Down);
            cut(row.unwrap_or(&bar.label), 60)
        };
        let names: Vec<String> = bars.iter().take(NAMED).map(|bar| name(bar)).collect();
        let more = if bars.len() > NAMED { "…" } else { "" };
        context! { text => trouble.text, names => names, more => more }
    };
    words::troubles(results).into_iter().map(trouble).collect()
}

fn figures(results: &Results, charts: &[Chart]) -> Vec<Value> {
    let plotted: Vec<String> = plots(results).iter().map(|plot| file_name(&plot.name)).collect();
    let figure = |chart: &Chart| {
        let live = match chart.name.as_str() {
            "gantt" => "gantt",
            name if plotted.iter().any(|plot| plot == name) => "plot",
            _ => "",
        };
        let svg = inline(&chart.svg);
        context! {
            name => &chart.name, title => &chart.title, live => live,
            wide => chart.is_wide(), svg => Value::from_safe_string(svg),
        }
    };
    charts.iter().map(figure).collect()
}

/// An SVG document as part of a page, without the margin left of it and above it. Inside of HTML
/// the namespace is known, and a page without any address in it is easy to trust.
pub(super) fn inline(svg: &str) -> String {
    /// In the canvas units of charts, four to a pixel.
    const CROP: (u32, u32) = (72, 40);
    let svg = svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
    let view = svg.split_once("viewBox=\"0 0 ").and_then(|(_, rest)| rest.split_once('"'));
    let size = view.and_then(|(size, _)| size.split_once(' '));
    let size =
        size.and_then(|(width, height)| Some((width.parse::<u32>().ok()?, height.parse::<u32>().ok()?)));
    let Some((width, height)) = size else { return svg };
    let (left, top) = CROP;
    let cropped = (width.saturating_sub(left), height.saturating_sub(top));
    let before = format!("viewBox=\"0 0 {width} {height}\"");
    svg.replacen(&before, &format!("viewBox=\"{left} {top} {} {}\"", cropped.0, cropped.1), 1)
}

/// The metrics by the heading they are listed under, headings in the order of their first metric.
fn groups(results: &Results) -> Vec<Value> {
    let mut groups: Vec<(&str, Vec<Value>)> = Vec::new();
    for metric in results.metrics.iter().take(METRICS) {
        let row = context! {
            name => cut(&metric.name, CELL),
            value => metric.value.filter(|v| v.is_finite()).map_or("–".to_owned(), number),
            sort => metric.value.filter(|v| v.is_finite()),
            unit => metric.unit,
            readable => value(&metric.name, metric.value, metric.unit),
            definition => metric.definition,
        };
        match groups.iter_mut().find(|group| group.0 == metric.group) {
            Some(group) => group.1.push(row),
            None => groups.push((metric.group, vec![row])),
        }
    }
    groups.into_iter().map(|(name, rows)| context! { name => name, rows => rows }).collect()
}

fn events(results: &Results) -> Vec<Value> {
    let row = |event: &[String; 5]| {
        let [time, who, what, about, why] = event.each_ref().map(|text| cut(text, CELL));
        context! { time => time, who => who, what => what, about => about, why => why }
    };
    results.events.iter().take(EVENTS).map(row).collect()
}
