//! Names of users, groups, queues as numbers from 1, as the Standard Workload Format has them.

use super::report::Header;
use crate::base::Map;

/// The numbers of the names of one kind, in the order of their appearance.
pub(super) struct Names {
    /// What the kind is called in the header.
    kind: &'static str,
    numbers: Map<Box<str>, i32>,
}

impl Names {
    pub(super) fn new(kind: &'static str) -> Names {
        Names { kind, numbers: Map::default() }
    }

    /// The number of a name; -1 for an empty one. A new name is entered into the header, as
    /// `Queue: 1 night`.
    pub(super) fn number(&mut self, name: &[u8], header: &mut Header) -> i32 {
        let name = String::from_utf8_lossy(name);
        let name = name.trim();
        if name.is_empty() {
            return -1;
        }
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = i32::try_from(self.numbers.len() + 1).unwrap_or(i32::MAX);
        self.numbers.insert(name.into(), number);
        if header.entries.len() < Header::MAX_ENTRIES {
            header.entries.push((self.kind.to_owned(), format!("{number} {name}")));
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_numbers_in_order_of_appearance() {
        let (mut names, mut header) = (Names::new("User"), Header::default());
        let numbers = [&b"b"[..], b"a", b" b ", b"", b"\xff"].map(|name| names.number(name, &mut header));
        assert_eq!(numbers, [1, 2, 1, -1, 3]);
        assert_eq!(header.entries[1], ("User".to_owned(), "2 a".to_owned()));
    }
}
