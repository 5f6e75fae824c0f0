//! The language of placement constraints: `key==value` or `key!=value` (reference control-plane §6.4;
//! swarmkit, manager/constraint/constraint.go).

use std::net::IpAddr;

/// What of a node is compared.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Key {
    Id,
    Hostname,
    Ip,
    Role,
    Os,
    Arch,
    Label(String),
    EngineLabel(String),
    /// No node has it.
    Unknown,
}

/// A condition on a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Constraint {
    key: Key,
    is_equal: bool,
    value: String,
}

/// What constraints are about.
#[derive(Clone, Copy)]
pub struct NodeFacts<'a> {
    /// The id; here it is the name.
    pub id: &'a str,
    /// The name of the host.
    pub hostname: &'a str,
    /// The address; empty if there is none.
    pub ip: &'a str,
    /// Whether it is a manager, not a worker.
    pub is_manager: bool,
    /// The operating system.
    pub os: &'a str,
    /// The architecture.
    pub arch: &'a str,
    /// The value of a label; empty if it is missing.
    pub label: &'a dyn Fn(&str) -> &'a str,
}

/// Before a key that is a label of a node's engine.
pub(super) const ENGINE_LABEL: &str = "engine.labels.";
/// Before a key that is a label of a node.
pub(super) const NODE_LABEL: &str = "node.labels.";

/// A constraint from its text; the error says what is wrong.
pub fn parse(text: &str) -> Result<Constraint, String> {
    const FORM: &str = "write `key==value` or `key!=value`, such as `node.labels.disk==ssd`";
    let (key, value, is_equal) = match (text.split_once("=="), text.split_once("!=")) {
        (Some((key, value)), _) => (key, value, true),
        (None, Some((key, value))) => (key, value, false),
        (None, None) => return Err(FORM.into()),
    };
    let (key, value) = (key.trim(), value.trim());
    let begins = key.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    let is_legal = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    if !begins || key.len() < 2 || !key.chars().all(is_legal) || value.is_empty() {
        return Err(FORM.into());
    }
    Ok(Constraint { key: key_of(key), is_equal, value: value.to_owned() })
}

/// The key of a text; those that are no labels are compared without regard to case.
fn key_of(text: &str) -> Key {
    let label = |start: &str| {
        let head = text.get(..start.len()).filter(|_| text.len() > start.len())?;
        head.eq_ignore_ascii_case(start).then(|| text[start.len()..].to_owned())
    };
    if let Some(label) = label(NODE_LABEL) {
        return Key::Label(label);
    }
    if let Some(label) = label(ENGINE_LABEL) {
        return Key::EngineLabel(label);
    }
    match text.to_ascii_lowercase().as_str() {
        "node.id" => Key::Id,
        "node.hostname" => Key::Hostname,
        "node.ip" => Key::Ip,
        "node.role" => Key::Role,
        "node.platform.os" => Key::Os,
        "node.platform.arch" => Key::Arch,
        _ => Key::Unknown,
    }
}

impl Constraint {
    /// A node must have a label of a value.
    pub fn label(key: &str, value: &str) -> Constraint {
        Constraint { key: Key::Label(key.to_owned()), is_equal: true, value: value.to_owned() }
    }

    /// A node must have a name of its host.
    pub fn hostname(value: &str) -> Constraint {
        Constraint { key: Key::Hostname, is_equal: true, value: value.to_owned() }
    }

    /// Whether a node meets the constraint. Values are compared in full and without regard to case; a
    /// label that is missing is empty; no node meets a constraint on what no node has.
    pub fn is_met(&self, node: &NodeFacts<'_>) -> bool {
        let found = match &self.key {
            Key::Id => node.id,
            Key::Hostname => node.hostname,
            Key::Role => {
                if node.is_manager {
                    "manager"
                } else {
                    "worker"
                }
            }
            Key::Os => node.os,
            Key::Arch => node.arch,
            Key::Label(key) => (node.label)(key),
            Key::EngineLabel(key) => (node.label)(&format!("{ENGINE_LABEL}{key}")),
            Key::Ip => return self.is_met_by_address(node.ip),
            Key::Unknown => return false,
        };
        found.to_lowercase() == self.value.to_lowercase() && self.is_equal
            || found.to_lowercase() != self.value.to_lowercase() && !self.is_equal
    }

    /// The same for addresses: a value is one, or a network. One that is neither is met by none.
    fn is_met_by_address(&self, found: &str) -> bool {
        let found: Option<IpAddr> = found.parse().ok();
        if let Ok(wanted) = self.value.parse::<IpAddr>() {
            return (found == Some(wanted)) == self.is_equal;
        }
        match network(&self.value) {
            Some(network) => found.is_some_and(|address| contains(network, address)) == self.is_equal,
            None => false,
        }
    }
}

/// The address and the length of the prefix of a network.
fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    Some((address, length.parse().ok().filter(|length| *length <= most)?))
}

fn contains((network, length): (IpAddr, u32), address: IpAddr) -> bool {
    let bits = |address| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let ((network, family), (address, other)) = (bits(network), bits(address));
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    family == other && network & mask == address & mask
}
