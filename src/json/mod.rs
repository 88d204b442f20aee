//! Text → JSON with places (leaf).
