//! What holds for all charts and for the page.

use super::sample::{hostile, large, outage};
use super::{Chart, charts, html};
use crate::base::Time;
use crate::observe::{Gantt, Results, Sample};

fn named<'a>(charts: &'a [Chart], name: &str) -> &'a Chart {
    charts.iter().find(|chart| chart.name == name).unwrap_or_else(|| panic!("there is a chart {name}"))
}

/// The results with names but without a single value.
fn without_values() -> Results {
    let mut results = outage();
    results.series.iter_mut().for_each(|series| series.points.clear());
    results.samples.iter_mut().for_each(|sample| sample.values.clear());
    results.gantt.bars.clear();
    results.metrics.iter_mut().for_each(|metric| metric.value = None);
    results
}

#[test]
fn same_results_give_the_same_bytes() {
    let (first, second) = (charts(&outage()), charts(&outage()));
    assert_eq!(first, second);
    assert_eq!(html(&outage(), &first), html(&outage(), &second));
    #[cfg(feature = "png")]
    assert_eq!(super::png(&first[0]), super::png(&second[0]));
}

#[test]
fn each_chart_of_a_run_is_there_with_title_and_axes() {
    let charts = charts(&outage());
    let names: Vec<&str> = charts.iter().map(|chart| chart.name.as_str()).collect();
    let expected = [
        "utilization_cpu",
        "utilization_memory",
        "queue",
        "pods",
        "nodes",
        "gantt",
        "cdf_wait_s",
        "cdf_scheduling_latency_s",
        "cdf_turnaround_s",
        "cdf_bounded_slowdown",
        "utilization_by_zone",
        "cost_by_pool",
    ];
    assert_eq!(names, expected);
    for chart in &charts {
        assert!(chart.svg.contains(&format!(">{}</text>", chart.title)), "{}", chart.name);
        assert!(!chart.description.is_empty(), "{}", chart.name);
    }
    let axis = |name: &str, text: &str| assert!(named(&charts, name).svg.contains(text), "{name}: {text}");
    axis("utilization_cpu", ">share of full capacity (%)</text>");
    axis("utilization_cpu", ">time since the start (h)</text>");
    axis("queue", ">waiting (pods)</text>");
    axis("gantt", ">time since the start (h)</text>");
    axis("cdf_scheduling_latency_s", ">Scheduling latency (ms)</text>");
    axis("cdf_wait_s", ">Wait, logarithmic</text>");
    axis("cost_by_pool", ">cost (EUR)</text>");
    axis("utilization_by_zone", ">share of capacity (%)</text>");
}

#[test]
fn charts_are_whole_documents_within_their_canvas() {
    for results in [outage(), hostile(), without_values()] {
        for chart in charts(&results) {
            let svg = &chart.svg;
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{}", chart.name);
            assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count(), "{}", chart.name);
            assert!(
                !svg.contains("<script") && !svg.contains('\0') && !svg.contains("NaN"),
                "{}",
                chart.name
            );
            let canvas = |attribute: &str| {
                let numbers = svg
                    .split(attribute)
                    .skip(1)
                    .filter_map(|rest| rest.split('"').next()?.parse::<i64>().ok());
                numbers.max().unwrap_or(0)
            };
            assert!(canvas(" x=\"") <= 1080 * 4, "{}", chart.name);
        }
    }
}

#[test]
fn no_values_are_said_to_be_none() {
    let charts = charts(&without_values());
    assert_eq!(charts.len(), 9, "bars by zone and pool have nothing to show");
    assert!(charts.iter().all(|chart| chart.svg.contains(">no data</text>")));
    assert_eq!(super::charts(&Results::default()), []);
}

#[test]
fn charts_of_the_same_name_are_told_apart() {
    let sample = || Sample { name: "x/../y".to_owned(), label: "x".to_owned(), unit: "s", values: vec![1.0] };
    let charts =
        charts(&Results { samples: vec![sample(), sample()], end: Time::from_secs(9), ..Results::default() });
    let names: Vec<&str> = charts.iter().map(|chart| chart.name.as_str()).collect();
    assert_eq!(names, ["cdf_x____y", "cdf_x____y_2"]);
}

#[test]
fn sizes_are_bounded() {
    let mut results = large();
    let bars = results.gantt.bars.clone();
    results.gantt.bars.extend(std::iter::repeat_n(bars, 4).flatten());
    let charts = charts(&results);
    for chart in &charts {
        assert!(chart.svg.len() < 130_000, "{}: {} bytes", chart.name, chart.svg.len());
    }
    let page = html(&results, &charts).len();
    assert!(page < 650_000, "{page} bytes");
}

#[test]
fn page_is_complete_without_its_script() {
    let page = html(&outage(), &charts(&outage()));
    let still = page.split("<script").next().unwrap_or_default();
    let parts = [
        "<h1>zone-outage</h1>",
        "63.4 %",
        "9 Insufficient cpu",
        "rows of trace.csv without a run time were dropped",
        "web-07",
        ">Where pods ran</text>",
        "95th percentile of start − submit.",
        "node-lifecycle",
        "1,204 further lines are not shown",
        "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        "@media print",
        "prefers-color-scheme: dark",
    ];
    for part in parts {
        assert!(still.contains(part), "{part}");
    }
    assert_eq!(still.matches("<svg ").count(), 12);
}

#[test]
fn page_asks_for_nothing_beyond_itself() {
    let page = html(&outage(), &charts(&outage()));
    for address in
        ["http:", "https:", "//cdn", "@import", "url(", "src=", "<link", "<img", "fetch(", "XMLHttp"]
    {
        assert!(!page.contains(address), "{address}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn nothing_in_the_data_becomes_markup() {
    let page = html(&hostile(), &charts(&hostile()));
    assert_eq!(page.matches("<script").count(), 2, "the data and the script of the page");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(page.contains("&lt;script&gt;alert("));
    assert!(!page.contains("<script>alert"));
}

#[test]
fn page_of_an_empty_run_says_so() {
    let page = html(&Results::default(), &[]);
    let sentences =
        ["<h1>Run</h1>", "no headline metrics", "There is nothing to draw", "Nothing: all was placed"];
    for sentence in sentences {
        assert!(page.contains(sentence), "{sentence}");
    }
    let gantt = Gantt { rows: vec!["a".to_owned()], ..Gantt::default() };
    let results = Results { gantt, end: Time::from_secs(9), ..Results::default() };
    assert!(html(&results, &charts(&results)).contains("no data"));
}

#[cfg(feature = "png")]
#[test]
fn png_is_twice_the_size_of_the_chart_and_not_blank() {
    let charts = charts(&outage());
    for (name, size) in [("queue", (1360, 760)), ("gantt", (2160, 1128))] {
        let file = super::png(named(&charts, name));
        let decoder = ::png::Decoder::new(std::io::Cursor::new(file));
        let mut reader = decoder.read_info().expect("the header is read");
        let mut pixels = vec![0; reader.output_buffer_size().expect("the size is known")];
        let info = reader.next_frame(&mut pixels).expect("the pixels are read");
        assert_eq!((info.width, info.height), size, "{name}");
        let dark = pixels.chunks_exact(3).filter(|pixel| pixel.iter().all(|channel| *channel < 90)).count();
        assert!(dark > 500, "{name} has text: {dark} dark pixels");
    }
}
