//! The examples of the repository, and the definition that this project starts from.

use super::{errors, read_json, read_rot, shown, to_json};
use rot::plan::Dialect;

fn repository(path: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Both spellings of the seed say the same.
#[test]
fn the_seed_is_the_same_plan_in_both_languages() {
    let (rot, found) = read_rot(&repository("examples/update_token.rot"));
    assert_eq!(errors(&found), [""; 0]);
    let (json, found) = read_json(
        &repository("tests/spec/conductor/seed.json"),
        Dialect::Orkes,
    );
    assert_eq!(errors(&found), [""; 0]);
    assert_eq!(shown(&rot), shown(&json));
}

/// The seed as `.rot` reads as the example in the repository does.
#[test]
fn the_seed_becomes_the_example() {
    let (json, _) = read_json(
        &repository("tests/spec/conductor/seed.json"),
        Dialect::Orkes,
    );
    let (text, said) = rot::plan::write::write(&json);
    assert_eq!(errors(&said), [""; 0]);
    let example = repository("examples/update_token.rot");
    let bare = example
        .lines()
        .filter(|l| !l.starts_with('#') && !l.contains("every 45m"))
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(text.trim(), bare.trim());
}

/// Every example becomes `.rot` again and is then the same plan to the letter; what it is not as JSON is named.
#[test]
fn examples_survive_normalising() {
    let mut said = String::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "rot"))
        .collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (plan, found) = read_rot(&std::fs::read_to_string(&path).unwrap());
        if !errors(&found).is_empty() {
            continue;
        }
        let (text, lost) = rot::plan::write::write(&plan);
        assert_eq!(errors(&lost), [""; 0], "{name}");
        let (again, found) = read_rot(&text);
        assert_eq!(errors(&found), [""; 0], "{name}");
        assert_eq!(
            serde_json::to_string_pretty(&plan).unwrap(),
            serde_json::to_string_pretty(&again).unwrap(),
            "{name}"
        );
        let (_, lost) = to_json(&plan, Dialect::Orkes);
        said.push_str(&format!("{name}\n"));
        for diagnostic in lost {
            said.push_str(&format!(
                "  {}: {}\n",
                diagnostic.severity.as_str(),
                diagnostic.message
            ));
        }
    }
    insta::assert_snapshot!("what_examples_lose", said);
}
