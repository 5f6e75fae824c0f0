//! How fast traces are read, with all checks, from bytes in memory. Throughput is of the text.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use seatrial::base::{Distribution, Span};
use seatrial::trace::table::used_columns;
use seatrial::trace::{
    Arrivals, Format, Generator, Header, Input, Reader, Row, Shape, Statistics, SwfOptions, Synth,
    TableWriter, swf,
};
use std::collections::BTreeSet;
use std::hint::black_box;

/// Jobs in the generated inputs: some ten megabytes of text.
const JOBS: u64 = 200_000;

fn generator() -> Generator {
    Generator {
        arrivals: Arrivals::Poisson { rate: 0.05 },
        jobs: Some(JOBS),
        shapes: vec![Shape {
            processors: Some(Distribution::PowerOfTwo { min: 1.0, max: 512.0 }),
            cpu: Some(Distribution::Empirical(vec![0.25, 1.0, 4.0])),
            memory: Some(Distribution::Empirical(vec![268_435_456.0, 4_294_967_296.0])),
            extended: vec![("example.com/gpu".into(), Distribution::Empirical(vec![0.0, 1.0, 2.0]))],
            labels: vec![("app".into(), "bench".into())],
            ..Shape::default()
        }],
        run_time: Some(Distribution::LogNormal { median: 600.0, sigma: 2.0 }),
        estimate_factor: Some(Distribution::Uniform { min: 1.0, max: 5.0 }),
        resolution: Span::from_secs(1),
        users: 200,
        queue: 1,
        ..Generator::default()
    }
}

fn rows() -> Vec<Row> {
    let mut synth = Synth::new(generator(), 1).expect("the generator is right");
    let (mut all, mut row) = (Vec::new(), Row::default());
    while synth.read(&mut row).expect("generated rows have no faults") {
        all.push(row.clone());
    }
    all
}

fn swf_text(rows: &[Row]) -> Vec<u8> {
    let mut text = Vec::new();
    swf::write_header(&mut text, &Header::default()).expect("memory takes it");
    for row in rows {
        swf::write_row(&mut text, row).expect("memory takes it");
    }
    text
}

fn table_text(rows: &[Row]) -> Vec<u8> {
    let (mut text, mut columns) = (Vec::new(), BTreeSet::new());
    for row in rows {
        used_columns(row, &mut columns);
    }
    let mut writer = TableWriter::new(&mut text, columns).expect("memory takes it");
    for row in rows {
        writer.write(row).expect("memory takes it");
    }
    writer.finish().expect("memory takes it");
    text
}

/// Reads to the end and returns the rows used.
fn drain(reader: &mut dyn Reader) -> u64 {
    let mut row = Row::default();
    while reader.read(&mut row).expect("the input is right") {
        black_box(&row);
    }
    reader.report().used
}

fn traces(criterion: &mut Criterion) {
    let rows = rows();
    let mut group = criterion.benchmark_group("traces");
    group.sample_size(20);
    for (name, format, text) in
        [("swf", Format::Swf, swf_text(&rows)), ("table", Format::Table, table_text(&rows))]
    {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("read {name}"), |bencher| {
            bencher.iter(|| {
                let input = Input::from_bytes(name, text.clone()).expect("plain text");
                let mut reader = format.reader(input, SwfOptions::default()).expect("the header is right");
                assert_eq!(drain(&mut *reader), JOBS);
            });
        });
    }
    group.throughput(Throughput::Elements(JOBS));
    group.bench_function("generate", |bencher| {
        bencher.iter(|| drain(&mut Synth::new(generator(), 1).expect("the generator is right")));
    });
    group.bench_function("statistics", |bencher| {
        let text = swf_text(&rows);
        bencher.iter(|| {
            let input = Input::from_bytes("swf", text.clone()).expect("plain text");
            let mut reader = seatrial::trace::SwfReader::new(input, SwfOptions::default());
            Statistics::collect(&mut reader).expect("the input is right")
        });
    });
    group.finish();
}

criterion_group!(benches, traces);
criterion_main!(benches);
