#!/usr/bin/env bash
# Whole-process measurements: five runs each, the median of wall time, CPU time and peak memory.
#
#   bash benches/measure.sh                       what the repository's own data allow
#   SEATRIAL_DATA=/path bash benches/measure.sh   the public data sets, too (see docs/performance.md)
#
# Needs GNU time as `/usr/bin/time`. Compare ratios, not single numbers of different machines.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
bin=target/release/seatrial
work=target/measure
rm -rf "$work"
mkdir -p "$work"

# measure NAME SCENARIO [OPTIONS…]
measure() {
  local name=$1 scenario=$2 log="$work/times"
  shift 2
  : >"$log"
  for _ in 1 2 3 4 5 6; do # the first run is a warm-up
    /usr/bin/time -a -o "$log" -f '%e %U %S %M' "$bin" run "$scenario" --quiet --out "$work/out" "$@" || true
  done
  median() { sed 1d "$log" | grep -E '^[0-9.]+ [0-9.]+ ' | awk "{print $1}" | sort -n | sed -n 3p; }
  printf '%-44s %7s s wall %7s s CPU %8.1f MiB\n' "$name" "$(median '$1')" "$(median '$2+$3')" \
    "$(awk "BEGIN {print $(median '$4') / 1024}")"
}

cat >"$work/million.yaml" <<'YAML'
apiVersion: seatrial/v1
cluster:
  pools: [{name: node, count: 1000, capacity: {cpu: 16, memory: 64Gi}, zones: [a, b, c]}]
controlPlane: {timing: ideal}
workload:
  generators:
    - {name: short, arrivals: {rate: 100}, count: 1000000, runTime: exponential(mean=60s), cpu: 500m, memory: 1Gi}
outputs: {events: false}
YAML

measure "first-steps, everything" scenarios/first-steps.yaml
measure "1,000,000 short pods, 1,000 nodes, csv,json" "$work/million.yaml" --outputs csv,json

data=${SEATRIAL_DATA:-}
if [ -z "$data" ]; then
  echo "SEATRIAL_DATA is not set: the public data sets are left out"
  exit 0
fi
for nodes in 100 400 700 1200; do
  cat >"$work/gcda-$nodes.yaml" <<YAML
apiVersion: seatrial/v1
cluster: {manifests: ["$data/traces/gcda-k8s-sims/nodes-$nodes.yaml.gz"]}
controlPlane: {timing: ideal}
workload: {manifests: ["$data/traces/gcda-k8s-sims/pods-$nodes.yaml.gz"]}
YAML
  measure "GCDA $nodes nodes, csv,json" "$work/gcda-$nodes.yaml" --outputs csv,json
done
measure "GCDA 1200 nodes, charts and report, too" "$work/gcda-1200.yaml"
batch() {
  cat >"$work/$1.yaml" <<YAML
apiVersion: seatrial/v1
cluster: {processors: $3}
controlPlane: {kind: batch, batch: {policy: fcfs, killAtEstimate: true}}
workload: {traces: [{file: "$data/traces/swf-pwa/$2.swf.gz", processors: allocated}]}
YAML
  measure "$2, fcfs, csv,json" "$work/$1.yaml" --outputs csv,json
}
batch kth KTH-SP2-1996-2.1-cln 100
batch ctc CTC-SP2-1996-3.1-cln 338
batch hpc2n HPC2N-2002-2.2-cln 240
cat >"$work/openb.yaml" <<YAML
apiVersion: seatrial/v1
cluster: {machines: {file: "$data/traces/alibaba-gpu-v2023-openb/openb_node_list_gpu_node.csv", format: openb}}
controlPlane: {timing: ideal}
workload: {traces: [{file: "$data/traces/alibaba-gpu-v2023-openb/openb_pod_list_default.csv.gz", format: openb}]}
YAML
measure "openb, 1,213 nodes, default pod list" "$work/openb.yaml" --outputs csv,json
