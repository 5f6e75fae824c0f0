//! Bars of utilization and cost by zone or pool, from the metrics that have such a scope.

use super::axis::Axis;
use super::chart::Chart;
use super::format::{is_share, split_scope, title, value};
use super::frame::{MARGIN, WIDTH, heading};
use super::scene::{Anchor, Ink, Scene, Size, elide, text_width};
use crate::observe::{Metric, Results};

/// Bars by one kind of scope.
struct Group<'a> {
    family: &'static str,
    /// `zone`, `pool`…
    scope: &'a str,
    unit: &'static str,
    /// The metrics' names without scope, at most [`MOST_BASES`].
    bases: Vec<&'a str>,
    /// The scopes' names.
    places: Vec<&'a str>,
    /// (place, base, value)
    values: Vec<(usize, usize, f64)>,
}

/// More bars a place cannot be told apart.
const MOST_BASES: usize = 4;
/// More places do not fit on a page.
const MOST_PLACES: usize = 40;
/// The widest name of a place.
const NAME: f64 = 180.0;
const TOP: f64 = 72.0;
const BAR: f64 = 14.0;
const GAP: f64 = 10.0;

/// One chart for utilization and one for cost, by each kind of scope that occurs.
pub(super) fn charts(results: &Results) -> Vec<Chart> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for metric in &results.metrics {
        if let Some((base, scope, place)) = scoped(metric)
            && let Some(value) = metric.value.filter(|value| value.is_finite())
        {
            add(&mut groups, metric, (base, scope, place), value);
        }
    }
    // A single place is the whole, which has been shown.
    groups.iter().filter(|group| group.places.len() > 1).map(chart).collect()
}

/// Splits `utilization_cpu.zone.a` into base, kind of scope, and its name.
fn scoped(metric: &Metric) -> Option<(&str, &str, &str)> {
    let (base, scope) = split_scope(&metric.name);
    scope.map(|(kind, place)| (base, kind, place))
}

fn add<'a>(groups: &mut Vec<Group<'a>>, metric: &'a Metric, name: (&'a str, &'a str, &'a str), value: f64) {
    let (base, scope, place) = name;
    let family = ["utilization", "cost"].into_iter().find(|family| base.contains(family));
    let Some(family) = family else { return };
    let key = |group: &Group<'_>| group.family == family && group.scope == scope && group.unit == metric.unit;
    let index = groups.iter().position(key).unwrap_or_else(|| {
        let unit = metric.unit;
        groups.push(Group { family, scope, unit, bases: Vec::new(), places: Vec::new(), values: Vec::new() });
        groups.len() - 1
    });
    let group = &mut groups[index];
    let base = entry(&mut group.bases, base, MOST_BASES);
    let place = entry(&mut group.places, place, MOST_PLACES);
    if let (Some(base), Some(place)) = (base, place) {
        group.values.push((place, base, value));
    }
}

/// The index of `item`, which is added if there is room.
fn entry<'a>(items: &mut Vec<&'a str>, item: &'a str, most: usize) -> Option<usize> {
    items.iter().position(|known| *known == item).or_else(|| {
        (items.len() < most).then(|| {
            items.push(item);
            items.len() - 1
        })
    })
}

fn chart(group: &Group<'_>) -> Chart {
    let shown = if group.family == "cost" { "Cost" } else { "Utilization" };
    let heading_text = format!("{shown} by {}", group.scope.replace('_', " "));
    let share = is_share(group.bases.first().unwrap_or(&""), group.unit);
    let highest = group.values.iter().map(|value| value.2).fold(0.0, f64::max);
    let axis = match (share, group.family) {
        (true, _) => Axis::share("share of capacity", highest),
        // Prices have no unit in a scenario.
        (false, family) => Axis::linear(family, group.unit.trim_start_matches("currency"), highest, 5),
    };
    let row = BAR * group.bases.len() as f64 + GAP;
    let bottom = TOP + row * group.places.len() as f64;
    let mut scene = Scene::new(WIDTH, bottom + 58.0);
    let below = if group.bases.len() == 1 { title(group.bases[0], group.unit) } else { String::new() };
    heading(&mut scene, &heading_text, &below);
    if group.bases.len() > 1 {
        legend(&mut scene, group);
    }
    let names = group.places.iter().map(|place| text_width(place, Size::Label)).fold(0.0, f64::max);
    let left = MARGIN + names.min(NAME) + 10.0;
    let area = Area { left, right: WIDTH - MARGIN - 78.0, bottom, row };
    area.grid(&mut scene, &axis);
    area.bars(&mut scene, &axis, group);
    let words = group.values.iter().map(|&(place, base, v)| {
        let v = value(group.bases[base], Some(v), group.unit);
        format!("{} {}: {v}", title(group.bases[base], group.unit), group.places[place])
    });
    let words: Vec<String> = words.collect();
    Chart::new(
        &format!("{}_by_{}", group.family, group.scope),
        &heading_text,
        format!("{}.", words.join("; ")),
        scene,
    )
}

/// A metric's name without what the heading says already: `requested CPU`.
fn short(base: &str, group: &Group<'_>) -> String {
    let name = title(base, group.unit);
    let rest = name.strip_prefix("Utilization ").filter(|_| group.family == "utilization");
    rest.map_or(name.clone(), str::to_owned)
}

/// Samples of the bars in the line below the title.
fn legend(scene: &mut Scene, group: &Group<'_>) {
    let room = (WIDTH - 2.0 * MARGIN) / group.bases.len() as f64 - 40.0;
    let mut x = MARGIN;
    for (index, base) in group.bases.iter().enumerate() {
        scene.rect((x, 42.0), (12.0, 10.0), Ink::series(index));
        let text = elide(&short(base, group), room, Size::Label);
        let width = text_width(&text, Size::Label);
        scene.text((x + 18.0, 51.0), text, (Size::Label, Ink::Text, Anchor::Start));
        x += width + 40.0;
    }
}

/// Where the bars are.
struct Area {
    left: f64,
    right: f64,
    bottom: f64,
    row: f64,
}

impl Area {
    fn x_of(&self, axis: &Axis, value: f64) -> f64 {
        self.left + axis.position(value) * (self.right - self.left)
    }

    fn grid(&self, scene: &mut Scene, axis: &Axis) {
        for (value, label) in &axis.ticks {
            let x = self.x_of(axis, *value);
            scene.rect((x - 0.5, TOP - 6.0), (1.0, self.bottom - TOP + 6.0), Ink::Grid);
            scene.text((x, self.bottom + 18.0), label, (Size::Label, Ink::Muted, Anchor::Middle));
        }
        let middle = f64::midpoint(self.left, self.right);
        scene.text((middle, self.bottom + 40.0), &axis.title, (Size::Label, Ink::Text, Anchor::Middle));
    }

    fn bars(&self, scene: &mut Scene, axis: &Axis, group: &Group<'_>) {
        for (index, place) in group.places.iter().enumerate() {
            let middle = TOP + self.row * index as f64 + (self.row - GAP) / 2.0;
            let text = elide(place, NAME, Size::Label);
            scene.text((self.left - 8.0, middle + 4.5), text, (Size::Label, Ink::Text, Anchor::End));
        }
        for &(place, base, number) in &group.values {
            let top = TOP + self.row * place as f64 + BAR * base as f64;
            let end = self.x_of(axis, number);
            scene.rect((self.left, top + 1.0), ((end - self.left).max(1.0), BAR - 2.0), Ink::series(base));
            let text = value(group.bases[base], Some(number), group.unit);
            scene.text((end + 6.0, top + BAR - 3.0), text, (Size::Small, Ink::Muted, Anchor::Start));
        }
    }
}
