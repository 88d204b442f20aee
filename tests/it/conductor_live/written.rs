//! Definitions that are written again give the same answers: as JSON, and as `.rot` where that says all of them.

use super::endpoints::Endpoints;
use super::kinds::Played;
use super::{Stage, cases_of, play, play_as, recorded, settled};
use crate::convert::{errors, read_json, to_json};
use rot::plan::Dialect;
use serde_json::Value as Json;
use std::sync::Arc;

#[test]
fn definitions_that_are_written_again_give_the_same_answers() {
    let (text, _) = recorded();
    let endpoints = Arc::new(Endpoints::default());
    let stage = Stage::over(endpoints.clone());
    let (mut same, mut refused, mut wrong) = (0, 0, Vec::new());
    for (line, case) in cases_of(&text) {
        let (plan, found) = read_json(&case["definitions"].to_string(), Dialect::Orkes);
        if !errors(&found).is_empty() {
            continue;
        }
        let (written, said) = to_json(&plan, Dialect::Orkes);
        if !errors(&said).is_empty() {
            refused += 1;
            continue;
        }
        let mut again: Json = serde_json::from_str(&written).unwrap();
        if !again.is_array() {
            again = Json::Array(vec![again]);
        }
        endpoints.clear();
        let before = play(&stage, line, &case);
        if before.status == "refused" {
            continue;
        }
        endpoints.clear();
        let after = play_as(&stage, &again, line);
        if is_same(&before, &after) {
            same += 1;
        } else {
            let id = &case["id"];
            wrong.push(format!(
                "{id}\n  {} {}\n  {} {} {:?}\n  {again}",
                before.status, before.output, after.status, after.output, after.codes
            ));
        }
    }
    println!("{same} written again give the same, {refused} cannot be written");
    assert!(
        wrong.is_empty(),
        "{} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(same > 150);
}

fn is_same(before: &Played, after: &Played) -> bool {
    before.status == after.status && settled(&before.output) == settled(&after.output)
}
