//! The templates that a StatefulSet or DaemonSet has had.
//!
//! A template is known by the class of its pods; each gets a number when it is first seen. In the
//! original each is kept in a ControllerRevision object (pkg/controller/history). Who writes that object
//! is not known here.

use crate::base::ids::ClassId;

/// The templates, the current one last.
#[derive(Clone, Debug, Default)]
pub(super) struct Revisions {
    kept: Vec<(u32, ClassId)>,
    numbers: u32,
}

impl Revisions {
    /// Makes a template the current one. Gives its number, and whether its object is written: it is
    /// new, or is numbered anew because it was given up before.
    pub(super) fn enter(&mut self, class: ClassId) -> (u32, bool) {
        if let Some(&(number, _)) = self.kept.last().filter(|(_, current)| *current == class) {
            return (number, false);
        }
        let known = self.kept.iter().position(|(_, known)| *known == class);
        let number = if let Some(at) = known {
            self.kept.remove(at).0
        } else {
            self.numbers += 1;
            self.numbers
        };
        self.kept.push((number, class));
        (number, true)
    }

    /// The class of a template that is kept.
    pub(super) fn class(&self, number: u32) -> Option<ClassId> {
        self.kept.iter().find(|(known, _)| *known == number).map(|(_, class)| *class)
    }

    /// The number of the template whose pods have a class, if it is kept.
    pub(super) fn number(&self, class: ClassId) -> Option<u32> {
        self.kept.iter().find(|(_, known)| *known == class).map(|(number, _)| *number)
    }

    /// Gives up the oldest templates that are not in use, of which `limit` are kept; none if it is
    /// negative. Gives how many objects are deleted.
    pub(super) fn truncate(&mut self, limit: i32, is_live: impl Fn(u32) -> bool) -> usize {
        let Ok(limit) = usize::try_from(limit) else { return 0 };
        let idle = self.kept.iter().filter(|(number, _)| !is_live(*number)).count();
        let mut surplus = idle.saturating_sub(limit);
        let before = self.kept.len();
        self.kept.retain(|(number, _)| {
            let goes = surplus > 0 && !is_live(*number);
            surplus -= usize::from(goes);
            !goes
        });
        before - self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_have_numbers_and_come_back_under_them() {
        let mut revisions = Revisions::default();
        assert_eq!(revisions.enter(ClassId(7)), (1, true));
        assert_eq!(revisions.enter(ClassId(7)), (1, false));
        assert_eq!(revisions.enter(ClassId(9)), (2, true));
        assert_eq!(revisions.enter(ClassId(7)), (1, true));
        assert_eq!((revisions.class(2), revisions.number(ClassId(7))), (Some(ClassId(9)), Some(1)));
        assert_eq!(revisions.enter(ClassId(3)), (3, true));
        assert_eq!(revisions.truncate(-1, |number| number == 3), 0);
        assert_eq!(revisions.truncate(1, |number| number == 3), 1);
        assert_eq!((revisions.class(2), revisions.class(1)), (None, Some(ClassId(7))));
        assert_eq!(revisions.enter(ClassId(9)), (4, true));
    }
}
