//! Drawn for people.

use crate::report::findings::Report;
use crate::report::render::{RenderOptions, Renderer};

pub(super) fn write(report: &Report<'_>, options: RenderOptions) -> String {
    Renderer::new(options).render_all(report)
}
