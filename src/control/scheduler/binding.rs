//! The points after a node has been chosen: Reserve, Permit, PreBind, Bind, PostBind.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/schedule_one.go and framework/runtime/framework.go
//! (reference kube-scheduler §8). No plugin of the default profile makes a pod wait at Permit; one
//! that does is taken to refuse it.

use super::framework::{Code, Context, Plugin, Status};
use super::profile::{PluginSet, Profile};
use crate::base::ids::NodeId;

/// How the points before the write of the binding have ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Prepared {
    /// The binding is to be written.
    Write,
    /// A Bind plugin has bound the pod itself.
    Bound,
    /// A plugin has refused. Everything reserved was taken back.
    Refused(PluginSet, Status),
}

/// Runs Reserve, Permit, PreBind and Bind for the chosen node.
pub(super) fn prepare(profile: &mut Profile, context: Context<'_>, node: NodeId) -> Prepared {
    if let Some((plugin, status)) = first_refusal(profile, context, node) {
        unreserve(profile, context, node);
        // An error has no rejector: the pod is tried again by back-off alone.
        let mut rejectors = PluginSet::default();
        if matches!(status.code, Code::Unschedulable | Code::UnschedulableAndUnresolvable | Code::Wait) {
            rejectors.insert(plugin);
        }
        return Prepared::Refused(rejectors, status);
    }
    for place in 0..profile.bind.len() {
        let status = profile.plugins[profile.bind[place]].bind(context, node);
        match status.code {
            Code::Skip => {}
            Code::Success => return Prepared::Bound,
            _ => {
                unreserve(profile, context, node);
                return Prepared::Refused(PluginSet::default(), status);
            }
        }
    }
    Prepared::Write
}

/// One extension point of a plugin.
type Point = fn(&mut dyn Plugin, Context<'_>, NodeId) -> Status;

/// The first plugin that refuses at Reserve, Permit or PreBind.
fn first_refusal(profile: &mut Profile, context: Context<'_>, node: NodeId) -> Option<(usize, Status)> {
    let Profile { plugins, reserve, permit, pre_bind, .. } = profile;
    let points: [(&[usize], Point); 3] = [
        (reserve, |plugin, context, node| plugin.reserve(context, node)),
        (permit, |plugin, context, node| plugin.permit(context, node)),
        (pre_bind, |plugin, context, node| plugin.pre_bind(context, node)),
    ];
    for (listed, point) in points {
        for &place in listed {
            let status = point(plugins[place].as_mut(), context, node);
            if !matches!(status.code, Code::Success | Code::Skip) {
                return Some((place, status));
            }
        }
    }
    None
}

/// Takes back what Reserve did, in reverse order.
pub(super) fn unreserve(profile: &mut Profile, context: Context<'_>, node: NodeId) {
    let Profile { plugins, reserve, .. } = profile;
    for &place in reserve.iter().rev() {
        plugins[place].unreserve(context, node);
    }
}

/// Tells the plugins that the pod is bound.
pub(super) fn post_bind(profile: &mut Profile, context: Context<'_>, node: NodeId) {
    let Profile { plugins, post_bind, .. } = profile;
    for &place in post_bind.iter() {
        plugins[place].post_bind(context, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::PodTemplate;
    use crate::cluster::Cluster;
    use crate::control::Config;
    use std::sync::{Arc, Mutex};

    /// Notes the points it is called at, and refuses at one of them.
    struct Recorder {
        name: &'static str,
        calls: Arc<Mutex<Vec<String>>>,
        refuses: &'static str,
        binds: bool,
    }

    impl Recorder {
        fn call(&self, point: &'static str) -> Status {
            self.calls.lock().unwrap().push(format!("{} {point}", self.name));
            let refused = Status { code: Code::Unschedulable, message: "no".into() };
            if self.refuses == point { refused } else { Status::SUCCESS }
        }
    }

    impl Plugin for Recorder {
        fn name(&self) -> &'static str {
            self.name
        }
        fn reserve(&mut self, _context: Context<'_>, _node: NodeId) -> Status {
            self.call("reserve")
        }
        fn unreserve(&mut self, _context: Context<'_>, _node: NodeId) {
            self.call("unreserve");
        }
        fn permit(&mut self, _context: Context<'_>, _node: NodeId) -> Status {
            self.call("permit")
        }
        fn pre_bind(&mut self, _context: Context<'_>, _node: NodeId) -> Status {
            self.call("preBind")
        }
        fn bind(&mut self, _context: Context<'_>, _node: NodeId) -> Status {
            let status = self.call("bind");
            if self.binds { status } else { Status::SKIP }
        }
    }

    /// Two recorders, of which the second refuses at `refuses` or binds; the end, and the calls.
    fn run(refuses: &'static str, binds: bool) -> (Prepared, String) {
        let mut cluster = Cluster::default();
        let class = cluster.class(&Arc::new(PodTemplate::default()), "default", 0);
        let config = Config::default();
        let mut profile = Profile::new(&config.scheduler.profiles[0], config.version);
        profile.plugins.clear();
        for list in [&mut profile.reserve, &mut profile.permit, &mut profile.pre_bind, &mut profile.bind] {
            *list = vec![0, 1];
        }
        let calls = Arc::new(Mutex::new(Vec::new()));
        let recorder = |name, refuses, binds| Recorder { name, calls: Arc::clone(&calls), refuses, binds };
        profile.plugins.push(Box::new(recorder("a", "", false)));
        profile.plugins.push(Box::new(recorder("b", refuses, binds)));
        let context = Context { cluster: &cluster, class, pod: None, version: config.version };
        let prepared = prepare(&mut profile, context, NodeId(0));
        let calls = calls.lock().unwrap().join(", ");
        (prepared, calls)
    }

    #[test]
    fn points_are_called_in_order_and_the_binding_is_written() {
        let (prepared, calls) = run("", false);
        assert_eq!(prepared, Prepared::Write);
        assert_eq!(calls, "a reserve, b reserve, a permit, b permit, a preBind, b preBind, a bind, b bind");
    }

    #[test]
    fn a_plugin_that_binds_leaves_nothing_to_write() {
        assert_eq!(run("", true).0, Prepared::Bound);
    }

    #[test]
    fn a_refusal_takes_reservations_back_in_reverse_order() {
        let (prepared, calls) = run("permit", false);
        let Prepared::Refused(rejectors, status) = prepared else { panic!("{prepared:?}") };
        assert!(rejectors.contains(1) && !rejectors.contains(0));
        assert_eq!(status.message, "no");
        assert_eq!(calls, "a reserve, b reserve, a permit, b permit, b unreserve, a unreserve");
    }
}
