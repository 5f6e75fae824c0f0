#!/usr/bin/env bash
# Runs a scenario of one node's death (node-4, at 5m) with many seeds and prints when each step came:
#
#   bash docs/failover/measure.sh SEEDS [further arguments of `seatrial run`]
#
# SEATRIAL names the binary where it is not on the path.
set -euo pipefail
export LC_ALL=C
here=$(dirname "$0")
seeds=${1:?how many seeds?}
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for seed in $(seq "$seeds"); do
  "${SEATRIAL:-seatrial}" run "$here/node-death.yaml" --seed "$seed" --out "$folder/run" --outputs csv -q "$@"
  awk -F, '
    function step(name, value) { printf "%s\t%.4f\n", name, value }
    function once(name, value) { if (!(name in seen)) { seen[name] = 1; step(name, value) } }
    { t = $1 + 0; action = $3; object = $5; app = object; sub(/-.*/, "", app) }
    action == "NodeFailed" && object == "node-4" {
      crash = t; match($7, /renewal [0-9.]+(ms|s)/); text = substr($7, RSTART + 8, RLENGTH - 8)
      silent = text ~ /ms$/ ? text / 1000 : text + 0
      step("01 last renewal -> machine stops", silent)
    }
    action == "Killed" || action == "Unavailable" { hit = t }
    action == "Available" { step("70 API server away -> back", t - hit); hit = t }
    action == "LeaderElection" && $7 == "became leader" { step("71 fault (or its end) -> leads, " object, t - hit) }
    action == "Ready" && $4 == "Process" { step("72 fault (or its end) -> works, " object, t - hit); works[object] = t }
    hit && action == "Scheduled" { once("73 fault (or its end) -> first binding", t - hit) }
    hit && action == "SuccessfulCreate" { once("74 fault (or its end) -> first pod of a controller", t - hit) }
    hit && action == "NodeNotReady" && $4 == "Node" { silenced++ }
    !crash { next }
    action == "TaintAdded" && $7 ~ /unreachable:NoExecute/ { step(sprintf("50 crash -> NoExecute taint, %2d", ++taints), t - crash) }
    action == "TaintRemoved" && $7 ~ /unreachable:NoExecute/ && !back { off++ }
    $2 == "user" && (action == "RemovingNode" || action == "TaintAdded") { act = t }
    action == "NodeNotReady" && object == "node-4" {
      if ("controller-manager" in works) step("75 new controllers work -> Unknown", t - works["controller-manager"])
      unknown = t; step("02 last renewal -> Unknown", t - crash + silent); step("03 crash -> Unknown", t - crash)
    }
    action == "NodeNotReady" && $4 == "Pod" { step("04 Unknown -> pod not ready", t - unknown) }
    action == "TaintAdded" && $7 ~ /unreachable:NoSchedule/ { once("05 Unknown -> NoSchedule", t - unknown) }
    action == "TaintAdded" && $7 ~ /unreachable:NoExecute/ && !executed {
      executed = t; step("06 Unknown -> NoExecute", t - unknown)
    }
    action == "TaintManagerEviction" && app != "agent" {
      if (!deleted) step("08 crash -> pods deleted", t - crash)
      deleted = t; gone[object] = 1; step("07 NoExecute -> pod deleted", t - executed)
    }
    action == "SuccessfulCreate" && $4 == "Pod" {
      created[object] = t
      if (app == "web" || app == "batch") step("09 deleted -> created, " app, t - deleted)
      else if (back) step("31 return -> created, " app, t - back)
      else if (act) step("41 action -> created, " app, t - act)
    }
    action == "Scheduled" && object in created { bound[object] = t; step("10 created -> bound", t - created[object]) }
    action == "Ready" && object in bound {
      step("11 bound -> ready", t - bound[object])
      if (app == "web" || app == "batch") { step("12 crash -> replacement ready, " app, t - crash) }
      else if (back) step("32 return -> ready, " app, t - back)
      else if (act) step("42 action -> ready, " app, t - act)
      delete bound[object]
    }
    action == "NodeRecovered" && object == "node-4" { back = t }
    action == "NodeReady" && object == "node-4" { ready = t; step("20 return -> Ready", t - back) }
    ready && action == "TaintRemoved" && $7 ~ /NoSchedule/ { step("21 Ready -> NoSchedule off", t - ready) }
    ready && action == "TaintRemoved" && $7 ~ /NoExecute/ { step("22 Ready -> NoExecute off", t - ready) }
    action == "Removed" && object in gone {
      if (back) step("30 return -> deleted pod gone", t - back)
      else if (act) step("40 action -> deleted pod gone", t - act)
    }
    back && action == "Ready" && app == "agent" { once("32 return -> ready, agent", t - back) }
    END {
      pods = 0; for (pod in gone) pods++
      step("60 nodes tainted NoExecute", taints); step("61 of them taken off before the return", off)
      if (hit) step("76 nodes Unknown after the fault", silenced)
      step("62 pods deleted", pods)
    }' "$folder/run/events.csv"
done | sort -t "$(printf '\t')" -k1,1 -k2,2n | awk -F'\t' '
  function flush() {
    if (n) printf "%-40s n=%4d  min %9.3f  median %9.3f  mean %9.3f  max %9.3f\n",
      substr(name, 4), n, value[1], value[int((n + 1) / 2)], sum / n, value[n]
  }
  $1 != name { flush(); name = $1; n = 0; sum = 0 }
  { value[++n] = $2 + 0; sum += $2 }
  END { flush() }'
