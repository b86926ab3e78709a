//! What the elements of HTML mean for a text.

/// What an element is to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of the line: `span`, `b`, whatever is unknown.
    Inline,
    /// Begins and ends a line: `div`.
    Line,
    /// Stands apart: `section`, `blockquote`.
    Block,
    Paragraph,
    /// By its level, from 1.
    Heading(usize),
    Ordered,
    Unordered,
    Item,
    /// `dt` or `dd`.
    Term,
    Option,
    Table,
    Row,
    Cell,
    Preformatted,
    Link,
    Image,
    LineBreak,
    Rule,
    /// Has no children and says nothing.
    Void,
    /// What is in it is not text: `script`.
    Unseen,
}

pub(super) fn kind(name: &str) -> Kind {
    match name {
        "div" | "summary" | "figcaption" | "caption" | "legend" => Kind::Line,
        "p" => Kind::Paragraph,
        "title" | "section" | "article" | "header" | "footer" | "main" | "nav" | "aside" | "blockquote" | "form"
        | "figure" | "fieldset" | "details" | "address" | "dl" | "body" | "search" | "hgroup" | "dialog"
        | "textarea" | "select" => Kind::Block,
        "h1" => Kind::Heading(1),
        "h2" => Kind::Heading(2),
        "h3" => Kind::Heading(3),
        "h4" => Kind::Heading(4),
        "h5" => Kind::Heading(5),
        "h6" => Kind::Heading(6),
        "ol" => Kind::Ordered,
        "ul" | "menu" => Kind::Unordered,
        "li" => Kind::Item,
        "dt" | "dd" => Kind::Term,
        "option" => Kind::Option,
        "table" => Kind::Table,
        "tr" => Kind::Row,
        "td" | "th" => Kind::Cell,
        "pre" | "listing" => Kind::Preformatted,
        "a" => Kind::Link,
        "img" => Kind::Image,
        "br" => Kind::LineBreak,
        "hr" => Kind::Rule,
        "area" | "base" | "basefont" | "bgsound" | "col" | "embed" | "frame" | "input" | "link" | "meta" | "param"
        | "source" | "track" | "wbr" => Kind::Void,
        "script" | "style" | "template" | "svg" | "math" | "iframe" | "object" | "canvas" | "audio" | "video"
        | "noframes" | "datalist" => Kind::Unseen,
        _ => Kind::Inline,
    }
}

impl Kind {
    /// How many line ends stand before and behind it at the least.
    pub(super) fn lines(self) -> usize {
        match self {
            Kind::Block | Kind::Paragraph | Kind::Heading(_) | Kind::Table | Kind::Preformatted | Kind::Rule => 2,
            Kind::Line | Kind::Ordered | Kind::Unordered | Kind::Item | Kind::Term | Kind::Option | Kind::Row => 1,
            _ => 0,
        }
    }

    /// Whether something stands before its first word.
    pub(super) fn has_marker(self) -> bool {
        matches!(self, Kind::Heading(_) | Kind::Item | Kind::Preformatted)
    }

    pub(super) fn is_void(self) -> bool {
        matches!(self, Kind::Void | Kind::Image | Kind::LineBreak | Kind::Rule)
    }

    pub(super) fn is_list(self) -> bool {
        matches!(self, Kind::Ordered | Kind::Unordered)
    }

    /// Whether its beginning ends an element of that kind that is open.
    pub(super) fn ends(self, open: Kind) -> bool {
        match (self, open) {
            (
                Kind::Inline | Kind::Void | Kind::Image | Kind::LineBreak | Kind::Unseen | Kind::Option,
                Kind::Paragraph,
            ) => false,
            (Kind::Link, Kind::Paragraph) => false,
            (_, Kind::Paragraph) => true,
            (Kind::Row, Kind::Cell) => true,
            (Kind::Item | Kind::Term | Kind::Option | Kind::Cell | Kind::Row | Kind::Link, open) => self == open,
            _ => false,
        }
    }

    /// Whether what is open around an element of that kind is not ended by it.
    pub(super) fn stops_at(self, open: Kind) -> bool {
        match self {
            Kind::Item => open.is_list(),
            Kind::Term | Kind::Option => open == Kind::Block,
            Kind::Cell => matches!(open, Kind::Row | Kind::Table),
            Kind::Row => open == Kind::Table,
            _ => matches!(open, Kind::Table | Kind::Cell),
        }
    }
}
