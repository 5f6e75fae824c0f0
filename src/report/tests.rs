//! What holds for all charts and for the page.

use super::sample::{hostile, outage};
use super::{Chart, charts};

/// The folder to which `write_sample` writes.
const FOLDER: &str = "seatrial-report-sample";

fn named<'a>(charts: &'a [Chart], name: &str) -> &'a Chart {
    charts.iter().find(|chart| chart.name == name).unwrap_or_else(|| panic!("there is a chart {name}"))
}

/// Writes the sample's charts and page to the folder for temporary files, to be looked at.
#[test]
#[ignore = "writes files to be looked at"]
fn write_sample() {
    let folder = std::env::temp_dir().join(FOLDER);
    std::fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
    for (prefix, results) in [("", outage()), ("hostile_", hostile())] {
        let charts = charts(&results);
        for chart in &charts {
            let path = folder.join(format!("{prefix}{}", chart.name));
            std::fs::write(path.with_extension("svg"), &chart.svg).expect("the file is written");
            #[cfg(feature = "png")]
            std::fs::write(path.with_extension("png"), super::png(chart)).expect("the file is written");
        }
        let page = super::html(&results, &charts);
        std::fs::write(folder.join(format!("{prefix}report.html")), page).expect("the file is written");
    }
}
