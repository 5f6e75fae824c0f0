//! ImageLocality: nodes that hold the pod's images are preferred, the more so the larger they are.
//!
//! The number of nodes that hold an image is that of the moment at which the node's snapshot was last
//! made anew; on nodes that do not change it lags behind, as in the original.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/imagelocality/image_locality.go
//! (reference §16.1 and its 1.36 companion).

use super::{ByClass, StaticColumn};
use crate::api::VolumeSource;
use crate::base::ids::ClassId;
use crate::base::{Map, Symbol};
use crate::cluster::{Cluster, NodeTable};
use crate::control::scheduler::framework::{Column, Context, MAX_NODE_SCORE, Plugin, Reach, Targets};

/// Sizes up to this score nothing: 23 MiB.
const MIN_THRESHOLD: i64 = 23 * 1024 * 1024;
/// Sizes from this on score the highest, for each container: 1000 MiB.
const MAX_CONTAINER_THRESHOLD: i64 = 1000 * 1024 * 1024;

/// A list of images, those of volumes last, and how many are of containers.
type List = (Vec<Symbol>, usize);

/// A list of images with the scores that follow.
#[derive(Debug, Default)]
struct Images {
    list: List,
    column: StaticColumn,
}

/// The plugin: scores by list of images, which many classes share.
#[derive(Debug, Default)]
pub(crate) struct ImageLocality {
    lists: Map<List, u32>,
    list_of: ByClass<u32>,
    images: Vec<Images>,
}

impl Plugin for ImageLocality {
    fn name(&self) -> &'static str {
        "ImageLocality"
    }

    fn reach(&mut self, _context: Context<'_>) -> Reach {
        Reach::Static
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        let spec = &cluster.classes[class].template.spec;
        let containers = spec.init_containers.iter().chain(&spec.containers);
        let mut images: Vec<&str> = containers.map(|container| container.image.as_str()).collect();
        let containers = images.len();
        images.extend(spec.volumes.iter().filter_map(|volume| match &volume.source {
            VolumeSource::Image { reference } => Some(reference.as_str()),
            _ => None,
        }));
        let names: Vec<Symbol> =
            images.iter().map(|image| cluster.names.intern(&normalized(image))).collect();
        let list = (names, containers);
        let next = self.lists.len() as u32;
        let id = *self.lists.entry(list.clone()).or_insert(next);
        if id == next {
            self.images.push(Images { list, column: StaticColumn::default() });
        }
        self.list_of.set(class, id);
    }

    fn score(&mut self, context: Context<'_>, targets: Targets<'_>, column: &mut Column) {
        let nodes = &context.cluster.nodes;
        let Images { list, column: kept } = &mut self.images[*self.list_of.get(context.class) as usize];
        let containers = list.1;
        // Before 1.36 the images of volumes do not count.
        let counted = if context.version.compat().counts_image_volumes { list.0.len() } else { containers };
        let names = &list.0[..counted];
        if names.iter().all(|name| !nodes.image_states.contains_key(name)) {
            return column.set_same(0);
        }
        let total = nodes.present.count();
        kept.refresh(nodes, |row| score(nodes, row, names, containers, total));
        kept.fill(targets, column);
    }
}

/// The score of one node in a cluster of `total` nodes for a pod of so many containers.
fn score(nodes: &NodeTable, row: usize, names: &[Symbol], containers: usize, total: usize) -> i64 {
    let mut sum: i64 = 0;
    for name in names {
        let held = nodes.images[row].iter().zip(&nodes.image_counts[row]);
        let count = held.filter(|((held, _), _)| held == name).map(|(_, count)| *count).next();
        if let (Some(count), Some(state)) = (count, nodes.image_states.get(name)) {
            let spread = f64::from(count) / total as f64;
            sum = sum.saturating_add((state.size_bytes as f64 * spread) as i64);
        }
    }
    let max = MAX_CONTAINER_THRESHOLD * containers as i64;
    MAX_NODE_SCORE * (sum.clamp(MIN_THRESHOLD, max.max(MIN_THRESHOLD)) - MIN_THRESHOLD)
        / (max - MIN_THRESHOLD)
}

/// The image's name with a tag: `:latest` if it has none.
pub(crate) fn normalized(image: &str) -> String {
    let tagged = image.rfind(':').map_or(-1, |at| at as i64) > image.rfind('/').map_or(-1, |at| at as i64);
    if tagged { image.to_owned() } else { format!("{image}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Image, Node};
    use crate::base::Time;
    use crate::base::ids::PoolId;

    const MIB: i64 = 1024 * 1024;

    /// The score of the first node, given images (name, MiB) by node.
    fn first(nodes: &[&[(&str, i64)]], wanted: &[&str]) -> i64 {
        let mut cluster = Cluster::default();
        for (number, images) in nodes.iter().enumerate() {
            let mut node = Node::default();
            node.meta.name = format!("n{number}");
            node.images = images
                .iter()
                .map(|&(name, size)| Image { names: vec![name.to_owned()], size_bytes: size * MIB })
                .collect();
            cluster.add_node(&node, PoolId(0), Time::ZERO);
        }
        cluster.nodes.refresh_order();
        let wanted: Vec<Symbol> =
            wanted.iter().map(|image| cluster.names.intern(&normalized(image))).collect();
        score(&cluster.nodes, 0, &wanted, wanted.len(), nodes.len())
    }

    #[test]
    fn golden_scores() {
        let a = ("a:latest", 250);
        assert_eq!(first(&[&[a], &[]], &["a"]), 10);
        assert_eq!(first(&[&[a]], &["a"]), 23);
        assert_eq!(first(&[&[("a:latest", 40)], &[]], &["a"]), 0);
        let big = ("a:latest", 2000);
        assert_eq!(first(&[&[big], &[big], &[big]], &["a"]), 100);
        assert_eq!(first(&[&[a], &[], &[]], &["a"]), 6);
        let (big, small) = (("a:latest", 4000), ("b:1", 300));
        assert_eq!(first(&[&[big, small], &[small]], &["a", "b:1"]), 100);
    }

    #[test]
    fn the_count_of_an_unchanged_node_lags_behind() {
        let images = vec![Image { names: vec!["a:1".into()], size_bytes: 7 }];
        let mut cluster = Cluster::default();
        let mut node = Node { images, ..Node::default() };
        let mut add = |cluster: &mut Cluster, name: &str| {
            name.clone_into(&mut node.meta.name);
            let node = cluster.add_node(&node, PoolId(0), Time::ZERO);
            cluster.nodes.refresh_order();
            node.index()
        };
        let (x, y) = (add(&mut cluster, "x"), add(&mut cluster, "y"));
        assert_eq!(
            (&cluster.nodes.image_counts[x][..], &cluster.nodes.image_counts[y][..]),
            (&[1][..], &[2][..])
        );
        let before = cluster.nodes.static_change_count();
        cluster.set_unschedulable(crate::base::ids::NodeId(x as u32), true);
        cluster.nodes.refresh_order();
        assert_eq!(cluster.nodes.image_counts[x], [2]);
        assert!(cluster.nodes.static_change_count() > before);
    }

    #[test]
    fn a_port_of_a_registry_is_no_tag() {
        for (image, full) in [
            ("a", "a:latest"),
            ("a:1", "a:1"),
            ("host:5000/a", "host:5000/a:latest"),
            ("host:5000/a:1", "host:5000/a:1"),
            ("a@sha256:0", "a@sha256:0"),
        ] {
            assert_eq!(normalized(image), full);
        }
    }

    #[test]
    fn the_cluster_forgets_images_with_their_last_node() {
        let mut cluster = Cluster::default();
        let images = vec![Image { names: vec!["a:1".into(), "a:1".into()], size_bytes: 7 }];
        let mut node = Node { images, ..Node::default() };
        node.meta.name = "x".into();
        let x = cluster.add_node(&node, PoolId(0), Time::ZERO);
        node.meta.name = "y".into();
        let y = cluster.add_node(&node, PoolId(0), Time::ZERO);
        let image = cluster.names.intern("a:1");
        assert_eq!(cluster.nodes.image_states[&image].nodes, 2);
        cluster.remove_node(x);
        cluster.remove_node(y);
        assert!(cluster.nodes.image_states.is_empty());
    }
}
