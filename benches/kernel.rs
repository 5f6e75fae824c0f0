//! The event queue against a bare binary heap of the same entries: push and pop at a steady size.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use seatrial::base::Time;
use seatrial::sim::queue::{Class, EventQueue};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

/// A payload of the size of the simulator's own events.
type Payload = [u64; 4];

/// A cheap sequence of pseudo-random delays.
struct Delays(u64);

impl Delays {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 40
    }
}

fn hold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hold");
    for size in [1_000usize, 100_000] {
        group.bench_function(BenchmarkId::new("bare BinaryHeap", size), |bencher| {
            let mut delays = Delays(1);
            let mut heap: BinaryHeap<Reverse<(u64, u64, Payload)>> =
                (0..size as u64).map(|number| Reverse((delays.next(), number, [number; 4]))).collect();
            let mut number = size as u64;
            bencher.iter(|| {
                let Reverse((time, _, payload)) = heap.pop().expect("the heap is never empty");
                heap.push(Reverse((time + delays.next(), number, payload)));
                number += 1;
                black_box(time)
            });
        });
        group.bench_function(BenchmarkId::new("EventQueue", size), |bencher| {
            let mut delays = Delays(1);
            let mut queue: EventQueue<Payload> = EventQueue::new();
            for number in 0..size as u64 {
                queue.schedule(Time(delays.next()), Class(0), [number; 4]);
            }
            bencher.iter(|| {
                let (time, payload) = queue.pop().expect("the queue is never empty");
                queue.schedule(Time(time.0 + delays.next()), Class(0), payload);
                black_box(time)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, hold);
criterion_main!(benches);
