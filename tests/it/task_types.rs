//! The table of task types and the page that tells of it say the same.

use rot::conductor::task_type::{Servers, Support};
use rot::conductor::{TASK_TYPES, TaskType};
use std::collections::HashSet;

const PAGE: &str = include_str!("../../docs/reference/conductor.md");

/// The rows of the table under a heading, cell by cell.
fn table(heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = PAGE.split_once(heading).unwrap();
    rest.lines()
        .skip_while(|line| !line.starts_with("| ---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}

#[test]
fn each_type_has_one_row() {
    let names: HashSet<&str> = TASK_TYPES.iter().map(|t| t.name).collect();
    assert_eq!(names.len(), TASK_TYPES.len());
    for known in TASK_TYPES {
        assert_eq!(TaskType::find(known.name), Some(known));
    }
}

#[test]
fn the_page_says_what_is_run() {
    let shown: String = table("## What becomes of a task")
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    for name in TaskType::run_here() {
        assert!(shown.contains(&format!("`{name}`")), "{name} has no row");
    }
}

#[test]
fn the_page_says_what_to_use_instead_of_the_others() {
    let wanted: Vec<Vec<String>> = TASK_TYPES
        .iter()
        .filter_map(|known| {
            let Support::Instead(instead) = known.support else {
                return None;
            };
            let server = match known.servers {
                Servers::Both => "both",
                Servers::Orkes => "Orkes",
                Servers::Oss => "open source",
            };
            Some(vec![
                format!("`{}`", known.name),
                server.to_owned(),
                instead.to_owned(),
            ])
        })
        .collect();
    assert_eq!(table("### Types that are not run here"), wanted);
}

#[test]
fn the_page_says_what_a_fork_of_data_may_run() {
    let (_, rest) = PAGE.split_once("- types: ").unwrap();
    let line = rest.split(". None stores").next().unwrap();
    for known in TASK_TYPES {
        assert_eq!(
            line.contains(&format!("`{}`", known.name)),
            known.forkable,
            "{}",
            known.name
        );
    }
}
