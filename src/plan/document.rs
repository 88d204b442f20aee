//! The compiled plan as a file: versioned JSON in canonical form with a digest inside.
