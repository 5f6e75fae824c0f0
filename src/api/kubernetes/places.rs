//! Where the parts of an object stand that later layers may have to point at.

use super::Sourced;
use crate::api::yaml::Value;
use crate::base::Location;

/// A part of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// `metadata.name`.
    Name,
    /// The number of replicas, or the parallelism of a Job.
    Replicas,
    /// `priorityClassName` of the pods.
    PriorityClass,
    /// `nodeSelector` of the pods.
    NodeSelector,
    /// `affinity` of the pods.
    Affinity,
    /// `nodeName` of the pod.
    NodeName,
}

/// How many parts there are.
const PARTS: usize = Part::NodeName as usize + 1;

/// Line (counted from the object's first line) and column of each part; column 0 where the object
/// has no such part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Places([(u32, u32); PARTS]);

impl Places {
    /// Notes where a part stands, by its line in the file.
    pub(super) fn note(&mut self, part: Part, value: Option<Value<'_>>) {
        if let Some(value) = value {
            self.0[part as usize] = value.line_and_column();
        }
    }

    /// Counts lines from the one at which the object begins. An alias may stand above it, so that
    /// the difference wraps, and wraps back in [`Sourced::at`].
    pub(super) fn relative_to(mut self, first: u32) -> Places {
        for (line, _) in &mut self.0 {
            *line = line.wrapping_sub(first);
        }
        self
    }
}

impl Sourced {
    /// Where a part of the object stands; where the object begins if it has no such part.
    pub fn at(&self, part: Part) -> Location {
        match self.places.0[part as usize] {
            (_, 0) => self.location.clone(),
            (line, column) => {
                Location::at(self.location.file.clone(), self.location.line.wrapping_add(line), column)
            }
        }
    }
}
