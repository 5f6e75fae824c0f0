//! Claims that count as bound because the node of a pod that uses them has been chosen.

use super::super::NodeLabels;
use crate::api::{NodeSelector, NodeSelectorTerm, Operator, Requirement};
use crate::base::Map;
use crate::base::ids::NodeId;
use crate::cluster::Cluster;

/// A claim's namespace and name.
pub(super) type ClaimKey = (String, String);

/// The volume that a claim has got.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Place {
    /// A volume that was there, by name.
    Volume(String),
    /// A new one, reached by these nodes; `None` for all.
    New(Option<NodeSelector>),
}

/// The claims.
#[derive(Debug, Default)]
pub(super) struct Assumed {
    places: Map<ClaimKey, Place>,
    /// The volumes that were taken, by name, with the claims that have them.
    owners: Map<String, ClaimKey>,
    /// What was entered last and can still be taken back.
    latest: Vec<ClaimKey>,
}

impl Assumed {
    /// The volume of a claim, if it has got one.
    pub(super) fn place_of(&self, claim: &ClaimKey) -> Option<&Place> {
        self.places.get(claim)
    }

    /// The claim that has taken a volume, if one has.
    pub(super) fn owner_of(&self, volume: &str) -> Option<&ClaimKey> {
        self.owners.get(volume)
    }

    /// Enters what a pod's claims get.
    pub(super) fn enter(&mut self, claims: Vec<(ClaimKey, Place)>) {
        self.latest.clear();
        for (claim, place) in claims {
            if let Place::Volume(volume) = &place {
                self.owners.insert(volume.clone(), claim.clone());
            }
            self.latest.push(claim.clone());
            self.places.insert(claim, place);
        }
    }

    /// Takes back what was entered last, unless it is kept.
    pub(super) fn take_back(&mut self) {
        for claim in self.latest.drain(..) {
            if let Some(Place::Volume(volume)) = self.places.remove(&claim) {
                self.owners.remove(&volume);
            }
        }
    }

    /// Keeps what was entered last for good.
    pub(super) fn keep(&mut self) {
        self.latest.clear();
    }
}

/// The nodes that reach a volume which a driver provisions for a node: those that have the same
/// values of the labels by which the driver names where volumes are.
pub(super) fn reached_from(cluster: &Cluster, driver: &str, node: NodeId) -> Option<NodeSelector> {
    let labels = NodeLabels { cluster, row: node.index() };
    let written = cluster.storage.node(cluster.names.text(cluster.nodes.name[node.index()]))?;
    let driver = written.drivers.iter().find(|known| known.name == driver)?;
    let requirement = |key: &String| {
        let values = vec![labels.get(key)?.to_owned()];
        Some(Requirement { key: key.clone(), operator: Operator::In, values })
    };
    let match_expressions: Vec<Requirement> = driver.topology_keys.iter().filter_map(requirement).collect();
    let term = NodeSelectorTerm { match_expressions, ..NodeSelectorTerm::default() };
    (!term.match_expressions.is_empty()).then(|| NodeSelector { terms: vec![term] })
}
