//! A place in a source text.

/// Which text a [`Span`] is in: an index into the [`SourceMap`](super::SourceMap).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u32);

impl FileId {
    /// No file: the place of things that were made by the program, or read from a compiled plan.
    pub const NONE: FileId = FileId(u32::MAX);

    /// The id for the `index`-th file of a source map.
    pub fn new(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// The index into the source map; out of range for [`FileId::NONE`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Two byte offsets in one text; `end` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The text.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

impl Span {
    /// The place of things without a text.
    pub const NONE: Span = Span {
        file: FileId::NONE,
        start: 0,
        end: 0,
    };

    /// A span from byte offsets, saturating at 4 GiB.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        Self {
            file,
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
        }
    }

    /// Whether there is a text behind it.
    pub fn is_some(self) -> bool {
        self.file != FileId::NONE
    }

    /// From the start of `self` to the end of `other`.
    pub fn to(self, other: Span) -> Span {
        Span {
            file: self.file,
            start: self.start,
            end: other.end.max(self.start),
        }
    }

    /// The empty span just after `self`.
    pub fn after(self) -> Span {
        Span {
            file: self.file,
            start: self.end,
            end: self.end,
        }
    }

    /// Whether `other` lies within `self`.
    pub fn contains(self, other: Span) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }
}

/// Where a plan node came from. All origins are equal and none is serialised, so that two plans are the same
/// plan whatever text they were written in.
#[derive(Debug, Clone, Copy)]
pub struct At(pub Span);

impl At {
    /// Made by the program, or read from a compiled plan.
    pub const NOWHERE: At = At(Span::NONE);
}

impl PartialEq for At {
    fn eq(&self, _: &At) -> bool {
        true
    }
}
impl Eq for At {}

impl std::hash::Hash for At {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

impl Default for At {
    fn default() -> Self {
        Self::NOWHERE
    }
}

impl From<Span> for At {
    fn from(span: Span) -> Self {
        At(span)
    }
}
