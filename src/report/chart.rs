//! The list of charts of a run.

use super::scene::Scene;
use super::{bars, gantt, lines, paint, plot};
use crate::observe::Results;

/// One chart.
#[derive(Clone, PartialEq, Debug)]
pub struct Chart {
    /// A name fit for a file, unique among the charts of a run: `utilization_cpu`, `cdf_wait_s`.
    pub name: String,
    /// The title, which is also drawn.
    pub title: String,
    /// The chart in words, for those who cannot see it.
    pub description: String,
    /// The chart as a complete SVG document.
    pub svg: String,
    scene: Scene,
}

impl Chart {
    pub(super) fn new(name: &str, title: &str, description: String, scene: Scene) -> Chart {
        let svg = paint::svg(&scene, title, &description);
        Chart { name: file_name(name), title: title.to_owned(), description, svg, scene }
    }

    /// What the chart is drawn of.
    #[cfg(test)]
    pub(super) fn shapes(&self) -> &[super::scene::Shape] {
        &self.scene.shapes
    }

    /// Whether the chart needs the full width of a page.
    pub(super) fn is_wide(&self) -> bool {
        self.scene.width > super::frame::WIDTH
    }
}

/// All charts of the results: quantities over time, distributions, the Gantt chart (if any time
/// passes in the run), and bars by zone or pool. What the results have no data for is left out; what they have without a single
/// value is a chart that says so.
pub fn charts(results: &Results) -> Vec<Chart> {
    let mut charts: Vec<Chart> = plot::plots(results).iter().map(lines::time_chart).collect();
    if plot::end_of_time(results) > 0.0 {
        charts.extend(gantt::chart(results));
        charts.extend(results.samples.iter().map(lines::distribution_chart));
    }
    charts.extend(bars::charts(results));
    make_unique(&mut charts);
    charts
}

/// The chart as a PNG file of two pixels for each CSS pixel.
#[cfg(feature = "png")]
pub fn png(chart: &Chart) -> Vec<u8> {
    paint::png(&chart.scene)
}

/// Keeps what is harmless in a file name on every system.
pub(super) fn file_name(name: &str) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '_' };
    let name: String = name.chars().take(80).map(harmless).collect();
    if name.is_empty() { "chart".to_owned() } else { name }
}

/// Numbers the charts whose names would be the same.
fn make_unique(charts: &mut [Chart]) {
    let mut taken = std::collections::BTreeSet::new();
    for chart in charts {
        let base = chart.name.clone();
        let mut count = 1;
        while !taken.insert(chart.name.clone()) {
            count += 1;
            chart.name = format!("{base}_{count}");
        }
    }
}
