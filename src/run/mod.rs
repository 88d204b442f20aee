//! 5. Plan → effects.
