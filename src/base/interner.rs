//! Strings to numbers and back: comparing, hashing and storing a name costs four bytes.

use super::Map;
use std::sync::Arc;

/// An interned string. Symbols compare by first appearance, not by text: sort by
/// [`Interner::text`] where an order is shown or decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Symbol(pub u32);

impl Symbol {
    /// The empty string, which every interner holds first.
    pub const EMPTY: Symbol = Symbol(0);

    /// The symbol as an index into a column.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of strings, each with its number in order of first appearance.
#[derive(Debug, Clone)]
pub struct Interner {
    texts: Vec<Arc<str>>,
    symbols: Map<Arc<str>, Symbol>,
}

impl Default for Interner {
    fn default() -> Self {
        let mut interner = Interner { texts: Vec::new(), symbols: Map::default() };
        interner.intern("");
        interner
    }
}

impl Interner {
    /// The symbol of `text`, new if it has not been seen.
    pub fn intern(&mut self, text: &str) -> Symbol {
        if let Some(&symbol) = self.symbols.get(text) {
            return symbol;
        }
        let symbol = Symbol(u32::try_from(self.texts.len()).expect("fewer than 2^32 strings"));
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        self.symbols.insert(text, symbol);
        symbol
    }

    /// The symbol of `text` if it has been seen.
    pub fn get(&self, text: &str) -> Option<Symbol> {
        self.symbols.get(text).copied()
    }

    /// The text of `symbol`.
    pub fn text(&self, symbol: Symbol) -> &str {
        &self.texts[symbol.index()]
    }

    /// How many strings are held.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Never: the empty string is always held.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_a_symbol() {
        let mut interner = Interner::default();
        let zone = interner.intern("zone");
        assert_eq!(interner.intern("zone"), zone);
        assert_ne!(interner.intern("rack"), zone);
        assert_eq!(interner.text(zone), "zone");
        assert_eq!(interner.get("unseen"), None);
        assert_eq!(interner.text(Symbol::EMPTY), "");
    }
}
