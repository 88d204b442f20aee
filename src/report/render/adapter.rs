//! A diagnostic in the form that miette draws.

use super::excerpt::Excerpt;
use super::severity;
use crate::diagnostic::Diagnostic;
use crate::report::redact::visible;
use miette::{LabeledSpan, SourceCode, SourceSpan};
use std::fmt;

/// A diagnostic with its excerpt; notes and help are drawn elsewhere, since miette knows only one remark.
pub(super) struct Drawn {
    message: String,
    code: String,
    severity: miette::Severity,
    excerpt: Option<Excerpt>,
}

impl Drawn {
    pub(super) fn new(diagnostic: &Diagnostic, message: &str, excerpt: Option<Excerpt>) -> Self {
        Self {
            message: visible(message).into_owned(),
            code: format!("{} {}", diagnostic.code.id(), diagnostic.code.name()),
            severity: severity(diagnostic.severity),
            excerpt,
        }
    }
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)
    }
}

impl std::error::Error for Drawn {}

impl miette::Diagnostic for Drawn {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|e| e as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let excerpt = self.excerpt.as_ref()?;
        Some(Box::new(excerpt.spots.iter().map(|spot| {
            let text = (!spot.text.is_empty()).then(|| spot.text.clone());
            let span = SourceSpan::from((spot.start, spot.end - spot.start));
            if spot.primary {
                LabeledSpan::new_primary_with_span(text, span)
            } else {
                LabeledSpan::new_with_span(text, span)
            }
        })))
    }
}
