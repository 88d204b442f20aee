//! Ast to plan: names, references, types, defaults.
