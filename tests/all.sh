#!/usr/bin/env bash
# Every check of the project: formatting, lints, tests, documentation tests, the example scenarios, a
# smoke run of the main job. Run from anywhere; needs only a Rust toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$1"; }

step "formatting"
cargo fmt --all --check

step "lints"
cargo clippy --all-targets --quiet -- -D warnings

step "tests"
cargo test --quiet

step "without PNG charts"
cargo check --quiet --no-default-features

step "documentation builds"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet

step "the main job"
cargo run --quiet --profile test -- run scenarios/first-steps.yaml --out target/smoke/first-steps
test -s target/smoke/first-steps/report.html
test -s target/smoke/first-steps/summary.json

step "the digests of the example scenarios"
cargo run --quiet --profile test -- verify scenarios/*.yaml scenarios/classroom

step "six hours of the large scenario"
cargo run --quiet --profile test -- run scenarios/large/mtbf-month.yaml --set run.until=6h --set 'expect=[]' \
    --out target/smoke/mtbf-month --quiet

step "random scenarios with every invariant checked"
cargo run --quiet --profile test -- fuzz --seed 1 --count 2000
cargo run --quiet --profile test -- fuzz --kind fleet --seed 1 --count 2000
for kind in slurm swarm mesos; do
    cargo run --quiet --profile test -- fuzz --kind "$kind" --seed 1 --count 200
done

step "the recorded decisions and runs of a real control plane"
if [ -n "${SEATRIAL_DATA:-}" ]; then
    for release in 1.34 1.36; do
        cargo run --quiet --profile test -- conformance scheduler "$SEATRIAL_DATA/conformance/scheduler-$release" | tail -n 1
    done
    cargo run --quiet --profile test -- conformance controllers "$SEATRIAL_DATA/conformance/controllers-1.36" | tail -n 1
    cargo run --quiet --profile test -- conformance timeline "$SEATRIAL_DATA/conformance/timelines" | tail -n 1
else
    printf 'skipped: SEATRIAL_DATA is not set\n'
fi

printf '\nall checks passed\n'
