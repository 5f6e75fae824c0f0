//! The option `--chart` of `conformance timeline`: one node's death, recorded and ours.

use super::{Outcome, only_folder, recordings, say_left_out, script, seeds, timeline, trouble};
use crate::cli::Exit;
use crate::cli::args::TimelineArguments;
use crate::cli::files::write_whole;
use crate::conformance::timeline::{NodeDeath, Recording, Step};
use crate::report::{MomentPanel, MomentRow, Moments, moments_chart};
use std::path::Path;

/// A stretch of the chart: the step that its time is counted from (the last renewal if none), how
/// that is called, and its steps.
type Stretch = (Option<Step>, &'static str, &'static [(Step, &'static str)]);

/// The stretches. Between them lie phases that are drawn anew in each run, and the pods' patience.
const STRETCHES: [Stretch; 3] = [
    (
        None,
        "seconds since the last renewal of the lease",
        &[(Step::Stopped, "the machine stops"), (Step::Unknown, "Ready=Unknown")],
    ),
    (
        Some(Step::Unknown),
        "seconds since Ready=Unknown",
        &[
            (Step::NoSchedule, "taint NoSchedule"),
            (Step::PodsNotReady, "its pods not ready"),
            (Step::NoExecute, "taint NoExecute"),
        ],
    ),
    (
        Some(Step::NoExecute),
        "seconds since the taint NoExecute",
        &[
            (Step::PodsDeleted, "its pods Terminating"),
            (Step::Created, "replacements created"),
            (Step::Bound, "replacements bound"),
            (Step::Ready, "replacements ready"),
        ],
    ),
];

/// Draws the chart of the one folder.
pub(super) fn draw(arguments: &TimelineArguments, target: &Path) -> Outcome<Exit> {
    let folder = only_folder(arguments, target, "`--chart` draws one folder")?;
    let script = script(&folder)?;
    say_left_out(&folder, &script);
    let recorded = deaths(&folder, &recordings(&folder)?)?;
    let mut computed = Vec::new();
    for seed in seeds(arguments) {
        computed.push(Recording::new(timeline(&folder, &script, seed)?));
    }
    let computed = deaths(&folder, &computed)?;
    let chart = moments_chart(&moments(script.name(), &recorded, &computed));
    write_whole(target, |out| out.write_all(chart.svg.as_bytes()))?;
    Ok(Exit::Done)
}

fn deaths(folder: &Path, recordings: &[Recording]) -> Outcome<Vec<NodeDeath>> {
    let death =
        |recording: &Recording| recording.node_death().ok_or_else(|| trouble(folder, "no node falls silent"));
    recordings.iter().map(death).collect()
}

/// What the chart shows.
fn moments(name: &str, recorded: &[NodeDeath], computed: &[NodeDeath]) -> Moments {
    let panel = |(origin, axis, steps): &Stretch| MomentPanel {
        axis: (*axis).to_owned(),
        rows: steps
            .iter()
            .map(|(step, label)| MomentRow {
                label: (*label).to_owned(),
                marks: recorded.iter().chain(computed).map(|death| since(death, *origin, *step)).collect(),
            })
            .collect(),
    };
    Moments {
        name: "node-death".to_owned(),
        title: "The death of a node, recorded and simulated".to_owned(),
        below: format!("{name}; a lane a run; lines from the first pod to the last"),
        groups: [
            ("Kubernetes, recordings".to_owned(), recorded.len()),
            ("seatrial, seeds".to_owned(), computed.len()),
        ],
        panels: STRETCHES.iter().map(panel).collect(),
    }
}

/// When the step came, counted from its origin.
fn since(death: &NodeDeath, origin: Option<Step>, step: Step) -> Option<(f64, f64)> {
    let origin = origin.map_or(Some(death.last_renewal), |origin| Some(death.steps.get(&origin)?.0))?;
    let &(first, last) = death.steps.get(&step)?;
    Some((first - origin, last - origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_from_where_their_stretch_begins() {
        let steps = [(Step::Unknown, (52.0, 52.0)), (Step::NoSchedule, (52.5, 52.75))];
        let death = NodeDeath { node: "a".to_owned(), last_renewal: 1.5, steps: steps.into() };
        let moments = moments("x", std::slice::from_ref(&death), &[]);
        assert_eq!(moments.panels[0].rows[1].marks, [Some((50.5, 50.5))]);
        assert_eq!(moments.panels[1].rows[0].marks, [Some((0.5, 0.75))]);
        assert_eq!(moments.panels[2].rows[0].marks, [None]);
    }
}
