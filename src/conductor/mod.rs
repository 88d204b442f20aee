//! 2'. Conductor JSON ↔ plan: the other front end and back end.
