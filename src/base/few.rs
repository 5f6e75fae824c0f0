//! A list that nearly always has at most one element.
//!
//! The only element lies in the list itself, not somewhere else in memory: a row of a table that
//! holds such a list is looked at with one access instead of two. What the elements are is not
//! known here.

use std::ops::{Deref, DerefMut};

/// See the module's description. It is read as a slice.
///
/// ```
/// use seatrial::base::Few;
///
/// let mut list = Few::default();
/// list.push(7);
/// list.push(8);
/// assert_eq!(list.remove(0), 7);
/// assert_eq!(*list, [8]);
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Few<T> {
    /// No element.
    #[default]
    None,
    /// One.
    One(T),
    /// There were several once.
    Many(Vec<T>),
}

impl<T> Few<T> {
    /// Appends an element.
    pub fn push(&mut self, element: T) {
        *self = match std::mem::take(self) {
            Few::None => Few::One(element),
            Few::One(first) => Few::Many(vec![first, element]),
            Few::Many(mut all) => {
                all.push(element);
                Few::Many(all)
            }
        };
    }

    /// Takes the element at `index` out; those after it move up.
    ///
    /// # Panics
    /// If there is none.
    pub fn remove(&mut self, index: usize) -> T {
        if let Few::Many(all) = self {
            return all.remove(index);
        }
        match std::mem::take(self) {
            Few::One(only) if index == 0 => only,
            _ => panic!("a short list has no element {index}"),
        }
    }

    /// Keeps the elements of which `keep` is true.
    pub fn retain_mut(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        match self {
            Few::None => {}
            Few::One(only) => {
                if !keep(only) {
                    *self = Few::None;
                }
            }
            Few::Many(all) => all.retain_mut(keep),
        }
    }

    /// The elements as a vector.
    pub fn into_vec(self) -> Vec<T> {
        match self {
            Few::None => Vec::new(),
            Few::One(only) => vec![only],
            Few::Many(all) => all,
        }
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Few::None => &[],
            Few::One(only) => std::slice::from_ref(only),
            Few::Many(all) => all,
        }
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Few::None => &mut [],
            Few::One(only) => std::slice::from_mut(only),
            Few::Many(all) => all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn it_does_what_a_vector_does(steps in prop::collection::vec((0u8..4, 0u32..8), 0..24)) {
            let (mut few, mut all) = (Few::default(), Vec::new());
            for (step, value) in steps {
                match step {
                    0 | 1 => (few.push(value), all.push(value)).0,
                    2 if !all.is_empty() => {
                        let index = value as usize % all.len();
                        prop_assert_eq!(few.remove(index), all.remove(index));
                    }
                    _ => {
                        few.retain_mut(|element| *element % 3 != value % 3);
                        all.retain(|element| element % 3 != value % 3);
                    }
                }
                prop_assert_eq!(&*few, all.as_slice());
            }
            prop_assert_eq!(few.into_vec(), all);
        }
    }
}
