//! Why a pod fits nowhere.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/types.go (FitError.Error); reference
//! kube-scheduler §7.7.

/// The histogram of reasons of one failed scheduling attempt.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diagnosis {
    /// How many nodes there are.
    pub nodes: usize,
    /// What a PreFilter plugin said, if it rejected the pod as a whole; then there are no reasons.
    pub pre_filter: String,
    /// Reasons with the number of nodes that gave them. A node can give several.
    pub reasons: Vec<(String, usize)>,
    /// What PostFilter (preemption) added; empty if it did not run or had nothing to say.
    pub post_filter: String,
    /// The plugins that rejected some node, by name, sorted.
    pub plugins: Vec<&'static str>,
}

impl std::fmt::Display for Diagnosis {
    /// `0/5 nodes are available: 2 Insufficient cpu, 3 node(s) were unschedulable.`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.nodes == 0 && self.reasons.is_empty() && self.pre_filter.is_empty() {
            return f.write_str("no nodes available to schedule pods");
        }
        write!(f, "0/{} nodes are available:", self.nodes)?;
        if self.pre_filter.is_empty() {
            let mut entries: Vec<String> =
                self.reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            entries.sort_unstable();
            if !entries.is_empty() {
                write!(f, " {}.", entries.join(", "))?;
            }
        } else {
            write!(f, " {}.", self.pre_filter)?;
        }
        if !self.post_filter.is_empty() {
            write!(f, " {}", self.post_filter)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_as_plain_strings() {
        let diagnosis = Diagnosis {
            nodes: 15,
            reasons: vec![
                ("Too many pods".into(), 2),
                ("Insufficient cpu".into(), 13),
                ("node(s) were unschedulable".into(), 1),
            ],
            ..Diagnosis::default()
        };
        assert_eq!(
            diagnosis.to_string(),
            "0/15 nodes are available: 1 node(s) were unschedulable, 13 Insufficient cpu, 2 Too many pods."
        );
        let none = Diagnosis::default();
        assert_eq!(none.to_string(), "no nodes available to schedule pods");
    }
}
