//! 2'. Conductor JSON ↔ plan: the other front end and back end.

pub mod index;
pub mod read;
pub mod scan;
pub mod schema;
pub mod task_type;
pub mod template;
pub mod write;

pub use read::{ReadOptions, called_names, looks_like_conductor, read, read_node, read_with};
pub use task_type::{TASK_TYPES, TaskType};
pub use write::{WriteOptions, write, write_schedule};
