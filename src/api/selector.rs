//! Label selectors and node selectors as written, and how one requirement matches.
//!
//! Source: Kubernetes 1.36, staging/src/k8s.io/apimachinery/pkg/labels/selector.go and
//! component-helpers/scheduling/corev1/nodeaffinity.

use super::Labels;

/// How a requirement compares.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operator {
    /// The key is present and its value is listed.
    In,
    /// The key is absent, or its value is not listed.
    NotIn,
    /// The key is present.
    Exists,
    /// The key is absent.
    DoesNotExist,
    /// The key is present and its value, an integer, is larger. Node selectors only.
    Gt,
    /// The key is present and its value, an integer, is smaller. Node selectors only.
    Lt,
}

impl Operator {
    /// The operator of that name, exactly as Kubernetes writes it.
    pub fn parse(text: &str) -> Option<Operator> {
        Some(match text {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            "Gt" => Operator::Gt,
            "Lt" => Operator::Lt,
            _ => return None,
        })
    }
}

/// One condition on a label (or, in `match_fields`, on a field).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How it compares.
    pub operator: Operator,
    /// What it compares with.
    pub values: Vec<String>,
}

impl Requirement {
    /// Whether a label value (`None`: the key is absent) satisfies the requirement. A value that is
    /// not an integer never satisfies `Gt` or `Lt`.
    pub fn matches_value(&self, value: Option<&str>) -> bool {
        let listed = || value.is_some_and(|value| self.values.iter().any(|listed| listed == value));
        let compare = |better: fn(i64, i64) -> bool| {
            let ours: Option<i64> = value.and_then(|value| value.parse().ok());
            let bound: Option<i64> = self.values.first().and_then(|bound| bound.parse().ok());
            matches!((ours, bound), (Some(ours), Some(bound)) if better(ours, bound))
        };
        match self.operator {
            Operator::In => listed(),
            Operator::NotIn => !listed(),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => compare(|ours, bound| ours > bound),
            Operator::Lt => compare(|ours, bound| ours < bound),
        }
    }

    /// Whether the requirement can be built at all; Kubernetes treats a term with one that cannot
    /// as matching nothing.
    pub fn is_valid(&self) -> bool {
        let count = self.values.len();
        let counted = match self.operator {
            Operator::In | Operator::NotIn => count > 0,
            Operator::Exists | Operator::DoesNotExist => count == 0,
            Operator::Gt | Operator::Lt => count == 1 && self.values[0].parse::<i64>().is_ok(),
        };
        counted && is_qualified_name(&self.key) && self.values.iter().all(|value| is_label_value(value))
    }
}

/// Whether `text` is a legal label value: at most 63 characters, alphanumeric at both ends, with
/// `-`, `_` and `.` inside; or empty.
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_name_part(text)
}

/// Whether `text` is a legal label key: a name, with an optional DNS prefix before a `/`.
pub fn is_qualified_name(text: &str) -> bool {
    match text.split_once('/') {
        None => is_name_part(text),
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_name_part(name),
    }
}

/// Whether `text` is a legal object name: lower-case DNS labels joined by points, at most 253 long.
pub fn is_dns_subdomain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            let bytes = label.as_bytes();
            let legal = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
            !bytes.is_empty() && bytes.iter().all(legal) && bytes[0] != b'-' && bytes[bytes.len() - 1] != b'-'
        })
}

fn is_name_part(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !bytes.is_empty()
        && bytes.len() <= 63
        && bytes.iter().all(inner)
        && bytes[0].is_ascii_alphanumeric()
        && bytes[bytes.len() - 1].is_ascii_alphanumeric()
}

/// Selects objects by their labels. `None` where a selector may be absent means "nothing"; an
/// empty selector means "everything".
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LabelSelector {
    /// Key and value pairs that must all be present, sorted by key.
    pub match_labels: Vec<(String, String)>,
    /// Further requirements, all of which must hold.
    pub match_expressions: Vec<Requirement>,
}

impl LabelSelector {
    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|requirement| {
                requirement.matches_value(labels.get(&requirement.key).map(String::as_str))
            })
    }
}

/// Alternatives, one of which must match a node.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct NodeSelector {
    /// The alternatives.
    pub terms: Vec<NodeSelectorTerm>,
}

/// Requirements on a node, all of which must hold. A term without any matches nothing.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct NodeSelectorTerm {
    /// Requirements on labels.
    pub match_expressions: Vec<Requirement>,
    /// Requirements on fields; only `metadata.name` exists.
    pub match_fields: Vec<Requirement>,
}

/// A wish with a weight.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PreferredTerm {
    /// 1 to 100.
    pub weight: i32,
    /// The wish.
    pub preference: NodeSelectorTerm,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(operator: Operator, values: &[&str]) -> Requirement {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Requirement { key: "zone".into(), operator, values }
    }

    #[test]
    fn absent_keys_match_only_negations() {
        assert!(requirement(Operator::NotIn, &["a"]).matches_value(None));
        assert!(requirement(Operator::DoesNotExist, &[]).matches_value(None));
        assert!(!requirement(Operator::In, &[""]).matches_value(None));
        assert!(!requirement(Operator::Lt, &["5"]).matches_value(None));
    }

    #[test]
    fn integers_compare_strictly() {
        assert!(requirement(Operator::Gt, &["5"]).matches_value(Some("6")));
        assert!(!requirement(Operator::Gt, &["5"]).matches_value(Some("5")));
        assert!(!requirement(Operator::Lt, &["5"]).matches_value(Some("four")));
    }

    #[test]
    fn requirements_that_cannot_be_built() {
        // A negative bound is not a legal label value (kube-scheduler reference §3.1).
        assert!(!requirement(Operator::Gt, &["-5"]).is_valid());
        assert!(!requirement(Operator::In, &[]).is_valid());
        assert!(!requirement(Operator::Exists, &["a"]).is_valid());
        assert!(!requirement(Operator::In, &["a b"]).is_valid());
        assert!(requirement(Operator::In, &[""]).is_valid());
    }
}
