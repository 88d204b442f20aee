//! Public definitions, there and back.

use super::{errors, read_json, read_rot, shown, to_json};
use crate::conductor::{corpus_dir, files};
use rot::plan::Dialect;

/// Every definition that is understood is written again, and is then the same plan.
#[test]
fn definitions_survive_the_way_to_json_and_back() {
    let Some(dir) = corpus_dir("conductor") else {
        return;
    };
    let (mut same, mut refused, mut not_understood) = (0, Vec::new(), 0);
    let mut wrong = Vec::new();
    for path in files(&dir) {
        let name = path.strip_prefix(&dir).unwrap().display().to_string();
        let (plan, found) = read_json(&std::fs::read_to_string(&path).unwrap(), Dialect::Orkes);
        if plan.rotations.is_empty() || !errors(&found).is_empty() {
            not_understood += 1;
            continue;
        }
        let (text, said) = to_json(&plan, Dialect::Orkes);
        if !errors(&said).is_empty() {
            refused.push(format!("{name}: {:?}", errors(&said)));
            continue;
        }
        let (again, found) = read_json(&text, Dialect::Orkes);
        let (before, after) = (shown(&plan), shown(&again));
        if before != after || !errors(&found).is_empty() {
            wrong.push(format!("{name}: {:?}\n{before}\n{after}", errors(&found)));
            continue;
        }
        assert_eq!(
            to_json(&again, Dialect::Orkes).0,
            text,
            "{name}: written twice"
        );
        super::schema::check(&serde_json::from_str(&text).unwrap(), &name);
        same += 1;
    }
    println!(
        "{same} definitions are the same after JSON, {} refused, {not_understood} not understood",
        refused.len()
    );
    refused.iter().for_each(|r| println!("refused {r}"));
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        wrong.len() + same,
        wrong.first().unwrap()
    );
    assert!(same > 0);
}

/// Every definition that is understood becomes `.rot` that is valid, or names what it cannot say. Definitions read parts of a
/// whole answer and set variables, which `.rot` captures and names, so the plan is not the same to the letter; written once more
/// it is.
#[test]
fn definitions_become_valid_rot() {
    let Some(dir) = corpus_dir("conductor") else {
        return;
    };
    let (mut valid, mut refused, mut not_understood) = (0, 0, 0);
    for path in files(&dir) {
        let name = path.strip_prefix(&dir).unwrap().display().to_string();
        let (plan, found) = read_json(&std::fs::read_to_string(&path).unwrap(), Dialect::Orkes);
        if plan.rotations.is_empty() || !errors(&found).is_empty() {
            not_understood += 1;
            continue;
        }
        let (text, said) = rot::plan::write::write(&plan);
        if text.is_empty() {
            println!("refused {name}: {:?}", errors(&said));
            assert!(!errors(&said).is_empty(), "{name}");
            refused += 1;
            continue;
        }
        if std::env::var_os("ROT_SHOW").is_some() {
            println!("=== {name}\n{text}");
        }
        let (again, found) = read_rot(&text);
        assert!(
            errors(&found).is_empty(),
            "{name}: {:?}\n{text}",
            errors(&found)
        );
        let (twice, said) = rot::plan::write::write(&again);
        assert_eq!((text, errors(&said)), (twice.clone(), Vec::new()), "{name}");
        assert_eq!(shown(&again), shown(&read_rot(&twice).0), "{name}");
        valid += 1;
    }
    println!("{valid} definitions become .rot, {refused} refused, {not_understood} not understood");
    assert!(valid > 0);
}

/// What is understood of the other definitions, those with tasks that are not run here, survives as well.
#[test]
fn parts_of_definitions_survive_too() {
    let Some(dir) = corpus_dir("conductor") else {
        return;
    };
    let (mut same, mut refused) = (0, 0);
    for path in files(&dir) {
        let name = path.strip_prefix(&dir).unwrap().display().to_string();
        let (plan, _) = read_json(&std::fs::read_to_string(&path).unwrap(), Dialect::Orkes);
        let (_, said) = rot::plan::write::write(&plan);
        assert!(said.iter().all(|d| !d.message.is_empty()), "{name}");
        let (text, said) = to_json(&plan, Dialect::Orkes);
        if plan.rotations.is_empty() || !errors(&said).is_empty() {
            refused += 1;
            continue;
        }
        let (again, _) = read_json(&text, Dialect::Orkes);
        assert_eq!(shown(&plan), shown(&again), "{name}: {text}");
        same += 1;
    }
    println!("{same} files give the same plan again, {refused} refused");
    assert!(same > 0);
}

#[test]
fn the_schema_of_the_corpus_names_what_is_checked_here() {
    let Some(dir) = corpus_dir("conductor/schemas") else {
        return;
    };
    let schema: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(dir.join("WorkflowDef.json")).unwrap())
            .unwrap();
    super::schema::agrees(&schema);
}
