//! A document as a tree of values, each with its place.
//!
//! The tree is an arena that borrows the text; it is built from the parser's events, so that memory
//! is a few machine words a value. Aliases point at the value they name, and merge keys (`<<`) are
//! resolved while building.

use super::scalar::{Scalar, resolve};
use crate::base::{Diagnostic, Location, Map, Set};
use serde_saphyr::granit_parser::{
    Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, StrInput, Tag, options,
};
use std::borrow::Cow;
use std::sync::Arc;

/// The most values a document may have once its aliases are written out, beside its length in
/// bytes: far above any real document, far below what a chain of aliases can ask for.
const MAX_EXPANDED: u64 = 4_000_000;

/// The most values of a document that are held at a time. An API server takes objects of 3 MiB; a
/// small compressed file could otherwise ask for all memory.
const MAX_VALUES: usize = 20_000_000;

/// What to say of `{{ … }}`, which YAML reads as a mapping in a mapping.
pub(crate) const TEMPLATE_HELP: &str =
    "this looks like a template; render it first, for example with `helm template`";

/// Where a text comes from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file.
    pub file: &'a Arc<str>,
    /// How many lines of the file stand before the text.
    pub line_offset: u32,
    /// The text.
    pub text: &'a str,
}

impl Source<'_> {
    fn locate(&self, line: u32, column: u32) -> Location {
        Location::at(self.file.clone(), self.line_offset.saturating_add(line), column)
    }
}

/// A value's position in the arena.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Id(u32);

#[derive(Clone, Debug)]
enum Data<'a> {
    Scalar {
        text: Cow<'a, str>,
        /// Whether quotes, a block style or a tag make it text whatever it looks like.
        is_text: bool,
    },
    Sequence {
        first: u32,
        count: u32,
    },
    /// `count` keys, each followed by its value.
    Mapping {
        first: u32,
        count: u32,
    },
}

#[derive(Clone, Debug)]
struct Node<'a> {
    data: Data<'a>,
    line: u32,
    column: u32,
    /// Byte range in the text.
    start: u32,
    end: u32,
    /// Values in it once aliases are written out.
    weight: u32,
}

/// A document's values.
#[derive(Clone, Debug)]
pub struct Tree<'a> {
    source: Source<'a>,
    nodes: Vec<Node<'a>>,
    children: Vec<Id>,
}

/// What a value is made of.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Content<'t> {
    /// A single value.
    Scalar(Scalar<'t>),
    /// A list.
    Sequence,
    /// Keys with values.
    Mapping,
}

/// A value of a tree.
#[derive(Clone, Copy, Debug)]
pub struct Value<'t> {
    tree: &'t Tree<'t>,
    id: Id,
}

impl<'t> Value<'t> {
    fn node(self) -> &'t Node<'t> {
        &self.tree.nodes[self.id.0 as usize]
    }

    /// What the value is.
    pub fn content(self) -> Content<'t> {
        match &self.node().data {
            Data::Scalar { text, is_text: true } => Content::Scalar(Scalar::Text(text)),
            Data::Scalar { text, .. } => Content::Scalar(resolve(text)),
            Data::Sequence { .. } => Content::Sequence,
            Data::Mapping { .. } => Content::Mapping,
        }
    }

    /// Whether there is no value: `null`, `~` or nothing at all.
    pub fn is_null(self) -> bool {
        matches!(&self.node().data, Data::Scalar { text, is_text: false } if resolve(text) == Scalar::Null)
    }

    /// The text of a scalar as the parser has read it, whatever its type; empty for others.
    pub fn raw(self) -> &'t str {
        match &self.node().data {
            Data::Scalar { text, .. } => text,
            _ => "",
        }
    }

    /// What the value is, for messages.
    pub fn describe(self) -> &'static str {
        match self.content() {
            Content::Scalar(scalar) => scalar.describe(),
            Content::Sequence => "a list",
            Content::Mapping => "a mapping",
        }
    }

    /// The members of a list; none for others.
    pub fn items(self) -> Items<'t> {
        let range = match self.node().data {
            Data::Sequence { first, count } => first as usize..(first + count) as usize,
            _ => 0..0,
        };
        Items { tree: self.tree, ids: self.tree.children[range].iter() }
    }

    /// The keys and values of a mapping in the order of the text; none for others.
    pub fn entries(self) -> impl ExactSizeIterator<Item = (Value<'t>, Value<'t>)> + Clone {
        let range = match self.node().data {
            Data::Mapping { first, count } => first as usize..(first + 2 * count) as usize,
            _ => 0..0,
        };
        let value = move |id: Id| Value { tree: self.tree, id };
        self.tree.children[range].chunks_exact(2).map(move |pair| (value(pair[0]), value(pair[1])))
    }

    /// The value of `key` in a mapping; `None` where it is absent or null.
    pub fn get(self, key: &str) -> Option<Value<'t>> {
        let (_, value) = self.entries().find(|(name, _)| name.raw() == key)?;
        (!value.is_null()).then_some(value)
    }

    /// Where the value stands in the file.
    pub fn location(self) -> Location {
        let node = self.node();
        self.tree.source.locate(node.line, node.column)
    }

    /// The value's line and column in the file.
    pub fn line_and_column(self) -> (u32, u32) {
        let node = self.node();
        (self.tree.source.line_offset.saturating_add(node.line), node.column)
    }

    /// The value's bytes in the text of the document.
    pub fn byte_range(self) -> std::ops::Range<usize> {
        let node = self.node();
        node.start as usize..node.end as usize
    }

    /// An error at the value, with its text.
    pub fn error(self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.location(), message).found(self.excerpt())
    }

    /// A warning at the value, with its text.
    pub fn warning(self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(self.location(), message).found(self.excerpt())
    }

    /// The text of a scalar; of others what their first line has.
    fn excerpt(self) -> &'t str {
        if let Data::Scalar { text, .. } = &self.node().data {
            return text;
        }
        let text = self.tree.source.text.get(self.byte_range()).unwrap_or("");
        text.lines().next().unwrap_or("").trim()
    }
}

/// The members of a list.
#[derive(Clone, Debug)]
pub struct Items<'t> {
    tree: &'t Tree<'t>,
    ids: std::slice::Iter<'t, Id>,
}

impl<'t> Iterator for Items<'t> {
    type Item = Value<'t>;

    fn next(&mut self) -> Option<Value<'t>> {
        self.ids.next().map(|id| Value { tree: self.tree, id: *id })
    }
}

/// Parses every document in `source` and hands each to `document`. While a document is still being
/// read, each member of a list that is the value of the key `items` at its top is handed to `item`;
/// where that says `true` the member is dropped from the tree, so that a long list need not be held
/// whole.
pub fn parse<C>(
    source: Source<'_>,
    context: &mut C,
    item: impl Fn(&mut C, Value<'_>) -> Result<bool, Diagnostic>,
    document: impl Fn(&mut C, Value<'_>) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    if u32::try_from(source.text.len()).is_err() {
        let location = source.locate(1, 1);
        return Err(Diagnostic::error(location, "one document of more than 4 GiB cannot be read"));
    }
    let mut builder = Builder::new(source);
    loop {
        let (event, _) = builder.next()?;
        match event {
            Event::StreamEnd => return Ok(()),
            Event::DocumentStart(..) => {
                builder.clear();
                let (event, span) = builder.next()?;
                let root = builder.root(event, span, context, &item)?;
                document(context, Value { tree: &builder.tree, id: root })?;
            }
            _ => {}
        }
    }
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    tree: Tree<'a>,
    anchors: Map<usize, Id>,
    /// Children of the collections that are still open.
    pending: Vec<Id>,
    /// Values in the members of `items` that were taken, once their aliases are written out.
    taken: u64,
}

fn parser_options() -> Options {
    let mut options = options! { simple_key_max_lookahead: 65_536 };
    options.set_emit_comments(false);
    options
}

impl<'a> Builder<'a> {
    fn new(source: Source<'a>) -> Builder<'a> {
        Builder {
            parser: Parser::new_from_str_with_options(source.text, parser_options()),
            tree: Tree { source, nodes: Vec::new(), children: Vec::new() },
            anchors: Map::default(),
            pending: Vec::new(),
            taken: 0,
        }
    }

    fn clear(&mut self) {
        self.tree.nodes.clear();
        self.tree.children.clear();
        self.anchors.clear();
        self.pending.clear();
        self.taken = 0;
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Diagnostic> {
        match self.parser.next_event() {
            Some(Ok((_, span))) if self.tree.nodes.len() >= MAX_VALUES => {
                let message = format!("a document has more than {MAX_VALUES} values");
                let help = "the members of a list are read one by one if each has its `kind`";
                Err(self.error_at(span.start, &message).help(help))
            }
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(syntax_error(&error, &self.tree.source)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// The top of a document, whose list of `items` is offered member by member.
    fn root<C>(
        &mut self,
        event: Event<'a>,
        span: Span,
        context: &mut C,
        item: &impl Fn(&mut C, Value<'_>) -> Result<bool, Diagnostic>,
    ) -> Result<Id, Diagnostic> {
        let Event::MappingStart(_, anchor, _) = event else {
            return self.node(event, span);
        };
        let base = self.pending.len();
        loop {
            let (event, key_span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return self.close_mapping(base, anchor, span, key_span);
            }
            let key = self.node(event, key_span)?;
            self.pending.push(key);
            let (event, value_span) = self.next()?;
            let is_items = Value { tree: &self.tree, id: key }.raw() == "items";
            let value = match event {
                Event::SequenceStart(_, anchor, _) if is_items => {
                    self.item_list(anchor, value_span, context, item)?
                }
                event => self.node(event, value_span)?,
            };
            self.pending.push(value);
        }
    }

    fn item_list<C>(
        &mut self,
        anchor: usize,
        span: Span,
        context: &mut C,
        item: &impl Fn(&mut C, Value<'_>) -> Result<bool, Diagnostic>,
    ) -> Result<Id, Diagnostic> {
        let base = self.pending.len();
        loop {
            let (event, item_span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return self.close_sequence(base, anchor, span, item_span);
            }
            let (nodes, children, anchors) =
                (self.tree.nodes.len(), self.tree.children.len(), self.anchors.len());
            let id = self.node(event, item_span)?;
            self.taken += u64::from(self.tree.nodes[id.0 as usize].weight);
            self.refuse_more_than(self.taken, item_span)?;
            if item(context, Value { tree: &self.tree, id })? && self.anchors.len() == anchors {
                self.tree.nodes.truncate(nodes);
                self.tree.children.truncate(children);
            } else {
                self.pending.push(id);
            }
        }
    }

    /// The value that starts with `event`. Recursion is bounded by the parser's nesting limits.
    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Id, Diagnostic> {
        let base = self.pending.len();
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain || is_text_tag(tag.as_deref());
                Ok(self.push(Data::Scalar { text, is_text }, anchor, span, span, 1))
            }
            Event::Alias(anchor) => {
                self.anchors.get(&anchor).copied().ok_or_else(|| {
                    self.error_at(span.start, "an alias stands inside the value that it names")
                })
            }
            Event::SequenceStart(_, anchor, _) => loop {
                let (event, item_span) = self.next()?;
                if matches!(event, Event::SequenceEnd) {
                    return self.close_sequence(base, anchor, span, item_span);
                }
                let id = self.node(event, item_span)?;
                self.pending.push(id);
            },
            Event::MappingStart(_, anchor, _) => loop {
                let (event, item_span) = self.next()?;
                if matches!(event, Event::MappingEnd) {
                    return self.close_mapping(base, anchor, span, item_span);
                }
                let id = self.node(event, item_span)?;
                self.pending.push(id);
            },
            _ => Err(self.error_at(span.start, "a value was expected here")),
        }
    }

    fn push(&mut self, data: Data<'a>, anchor: usize, start: Span, end: Span, weight: u32) -> Id {
        let id = Id(self.tree.nodes.len() as u32);
        let mark = start.start;
        self.tree.nodes.push(Node {
            data,
            line: mark.line() as u32,
            column: mark.col() as u32 + 1,
            start: mark.byte_offset().unwrap_or(0) as u32,
            end: end.end.byte_offset().unwrap_or(0) as u32,
            weight,
        });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }

    fn close_sequence(
        &mut self,
        base: usize,
        anchor: usize,
        span: Span,
        end: Span,
    ) -> Result<Id, Diagnostic> {
        let count = (self.pending.len() - base) as u32;
        let (first, weight) = self.flush(base, span)?;
        Ok(self.push(Data::Sequence { first, count }, anchor, span, end, weight))
    }

    fn close_mapping(&mut self, base: usize, anchor: usize, span: Span, end: Span) -> Result<Id, Diagnostic> {
        self.resolve_merges(base)?;
        let count = ((self.pending.len() - base) / 2) as u32;
        let (first, weight) = self.flush(base, span)?;
        Ok(self.push(Data::Mapping { first, count }, anchor, span, end, weight))
    }

    /// Moves the pending children from `base` on into the tree.
    fn flush(&mut self, base: usize, span: Span) -> Result<(u32, u32), Diagnostic> {
        let weights = self.pending[base..].iter().map(|id| self.tree.nodes[id.0 as usize].weight);
        let weight = weights.fold(1, u32::saturating_add);
        // Merge keys copy entries, so that the arena itself can grow beyond the text.
        let stored = self.tree.children.len() + self.pending.len();
        self.refuse_more_than(u64::from(weight).max(stored as u64), span)?;
        let first = self.tree.children.len() as u32;
        self.tree.children.extend(self.pending.drain(base..));
        Ok((first, weight))
    }

    fn refuse_more_than(&self, values: u64, span: Span) -> Result<(), Diagnostic> {
        if values <= MAX_EXPANDED + self.tree.source.text.len() as u64 {
            return Ok(());
        }
        Err(self.error_at(span.start, "aliases make this value too large to write out"))
    }

    /// Replaces `<<: *name` by the entries it stands for; the mapping's own keys win.
    fn resolve_merges(&mut self, base: usize) -> Result<(), Diagnostic> {
        let is_merge = |tree: &Tree<'_>, id: Id| matches!(&tree.nodes[id.0 as usize].data, Data::Scalar { text, is_text: false } if text == "<<");
        if !self.pending[base..].chunks_exact(2).any(|pair| is_merge(&self.tree, pair[0])) {
            return Ok(());
        }
        let entries: Vec<Id> = self.pending.drain(base..).collect();
        let (merges, own): (Vec<&[Id]>, Vec<&[Id]>) =
            entries.chunks_exact(2).partition(|pair| is_merge(&self.tree, pair[0]));
        let mut known: Set<&str> = Set::default();
        for pair in own {
            known.insert(Value { tree: &self.tree, id: pair[0] }.raw());
            self.pending.extend_from_slice(pair);
        }
        for pair in merges {
            let merged = Value { tree: &self.tree, id: pair[1] };
            let parts: Vec<Value<'_>> = match merged.content() {
                Content::Mapping => vec![merged],
                Content::Sequence => merged.items().collect(),
                Content::Scalar(_) => return Err(merged.error("`<<` needs a mapping or a list of mappings")),
            };
            for (key, value) in parts.into_iter().flat_map(Value::entries) {
                if known.insert(key.raw()) {
                    self.pending.extend([key.id, value.id]);
                }
            }
        }
        Ok(())
    }

    fn error_at(&self, mark: Marker, message: &str) -> Diagnostic {
        let location = self.tree.source.locate(mark.line() as u32, mark.col() as u32 + 1);
        Diagnostic::error(location, message).found(line_at(self.tree.source.text, mark.line()))
    }
}

/// Whether a tag makes a plain scalar text.
fn is_text_tag(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str") || tag.suffix() == "!")
}

fn line_at(text: &str, line: usize) -> &str {
    text.lines().nth(line.saturating_sub(1)).unwrap_or("").trim()
}

fn syntax_error(error: &ScanError, source: &Source<'_>) -> Diagnostic {
    let (mark, reason) = (error.marker(), error.info());
    let line = line_at(source.text, mark.line());
    let location = source.locate(mark.line() as u32, mark.col() as u32 + 1);
    let finding = Diagnostic::error(location, format!("not valid YAML: {reason}")).found(line);
    if line.contains("{{") {
        finding.help(TEMPLATE_HELP)
    } else if reason.contains("tab") {
        finding.help("indent with spaces; YAML allows no tabs there")
    } else {
        finding
    }
}
