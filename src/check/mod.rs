//! 4. Plan → findings.
