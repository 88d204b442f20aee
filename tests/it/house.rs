//! The rules of the house that a compiler does not know: which way imports point, how large a room may be, what never stands
//! in the tree.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules in the order in which data flows: a module may use those before it, and itself.
const ORDER: [&[&str]; 12] = [
    &["source"],
    &["diagnostic"],
    &["json", "world"],
    &["vault", "sim"],
    &["syntax"],
    &["plan", "templates"],
    &["conductor"],
    &["check", "run", "demo"],
    &["report"],
    &["rehearse"],
    &["exec", "workspace"],
    &["lsp"],
];

fn rank(module: &str) -> Option<usize> {
    ORDER
        .iter()
        .position(|level| level.contains(&module))
        .or((module == "cli").then_some(ORDER.len()))
}

fn sources(dir: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                open.push(entry);
            } else if entry.extension().is_some_and(|e| e == "rs") {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn imports_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut arrows = 0;
    let mut wrong = Vec::new();
    for path in sources("src") {
        let inside = path.strip_prefix(&root).unwrap();
        let Some(own) = inside
            .components()
            .next()
            .and_then(|c| c.as_os_str().to_str())
            .filter(|m| !m.ends_with(".rs"))
        else {
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
        for (number, line) in code.enumerate() {
            for (at, _) in line.match_indices("crate::") {
                let target: String = line[at + 7..]
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                let Some(theirs) = rank(&target) else {
                    continue;
                };
                arrows += 1;
                let ours = rank(own)
                    .unwrap_or_else(|| panic!("`{own}` has no place in the order of modules"));
                if theirs > ours || (theirs == ours && target != own) {
                    wrong.push(format!(
                        "{}: {own} uses {target} (code line {})",
                        inside.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    println!("{arrows} arrows between modules");
    assert!(arrows > 100);
    assert!(
        wrong.is_empty(),
        "arrows that point back:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn no_room_is_too_large() {
    let mut sizes: Vec<(usize, PathBuf)> = sources("src")
        .into_iter()
        .map(|p| (fs::read_to_string(&p).unwrap().lines().count(), p))
        .collect();
    sizes.sort();
    let median = sizes[sizes.len() / 2].0;
    println!(
        "{} files, median {median} lines, longest {}",
        sizes.len(),
        sizes.last().unwrap().0
    );
    let large: Vec<String> = sizes
        .iter()
        .filter(|(n, _)| *n > 800)
        .map(|(n, p)| format!("{} has {n} lines", p.display()))
        .collect();
    assert!(large.is_empty(), "{}", large.join("\n"));
}

/// The arms of each `match` of a text whose patterns name `Task::`, without what is nested in them.
fn matches_over_tasks(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("match ") {
        let Some(open) = text[start..].find(['{', ';']).map(|at| start + at) else {
            continue;
        };
        if text[open..].starts_with(';') || text[..start].ends_with(|c: char| c.is_alphanumeric()) {
            continue;
        }
        let (mut depth, mut arms, mut pattern) = (0usize, Vec::new(), String::new());
        for c in text[open..].chars() {
            match c {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth -= 1,
                _ if depth == 1 => pattern.push(c),
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if pattern.ends_with("=>") {
                arms.push(pattern.trim_end_matches("=>").to_owned());
                pattern.clear();
            } else if depth == 1 && (c == ',' || c == '}') {
                pattern.clear();
            }
        }
        let plans = |arm: &String| arm.contains("Task::") && !arm.contains("ast::Task::");
        if arms.iter().any(plans) {
            found.push((text[..start].lines().count(), arms));
        }
    }
    found
}

/// A new kind of step must be a compile error in each room that has to know it: who asks for one kind says `if let`, who tells
/// kinds apart names all of them.
#[test]
fn no_match_over_tasks_has_a_wildcard() {
    let mut wrong = Vec::new();
    for path in sources("src") {
        let text = fs::read_to_string(&path).unwrap();
        for (line, arms) in matches_over_tasks(&text) {
            let wild = arms.iter().map(|arm| arm.trim()).find(|arm| {
                let bare = arm.split(" if ").next().unwrap_or(arm).trim();
                bare.split('|').any(|p| {
                    let p = p.trim();
                    p != "None" && !p.is_empty() && p.chars().all(|c| c.is_lowercase() || c == '_')
                })
            });
            if let Some(wild) = wild {
                wrong.push(format!("{}:{line}: `{wild} =>`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_guard_against_wildcards_sees_them() {
    for (text, arms) in [
        (
            "match &step.task {\n Task::Http(http) => go(http),\n _ => {}\n}",
            2,
        ),
        (
            "match task { Task::Let(l) if l.x => { 1 } task => { match x { _ => 2 } } }",
            2,
        ),
        ("match kind { Kind::A => Task::Let(x), _ => other }", 0),
    ] {
        let found = matches_over_tasks(text);
        assert_eq!(
            found.first().map_or(0, |(_, arms)| arms.len()),
            arms,
            "{text}"
        );
    }
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        "TO".to_owned() + "DO",
        "FIX".to_owned() + "ME",
        "dbg".to_owned() + "!(",
    ];
    let mut found = Vec::new();
    for dir in ["src", "tests", "benches"] {
        if !Path::new(env!("CARGO_MANIFEST_DIR")).join(dir).exists() {
            continue;
        }
        for path in sources(dir) {
            let text = fs::read_to_string(&path).unwrap();
            for (number, line) in text.lines().enumerate() {
                if words.iter().any(|w| line.contains(w.as_str())) {
                    found.push(format!("{}:{}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_top_level_is_what_was_agreed() {
    let agreed = [
        "Cargo.toml",
        "Cargo.lock",
        "grammar",
        "src",
        "examples",
        "tests",
        "docs",
        "README.md",
        "benches",
        "fuzz",
        "editors",
        "packaging",
        "pyproject.toml",
        "action.yml",
        "LICENSE",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "CHANGELOG.md",
        "target",
    ];
    let names: Vec<String> = fs::read_dir(env!("CARGO_MANIFEST_DIR"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    // The README's first command leaves its project for whoever wants to look at it.
    let of_demo = |name: &str| name.starts_with("rot-demo");
    let strange: Vec<&String> = names
        .iter()
        .filter(|n| !n.starts_with('.') && !of_demo(n) && !agreed.contains(&n.as_str()))
        .collect();
    assert!(
        strange.is_empty(),
        "not agreed at the top level: {strange:?}"
    );
}

/// A hop of a flow, or a step of a list in `docs/architecture.md`: the file that it names, and the function if there is one.
fn hops(page: &str) -> Vec<(String, Option<String>)> {
    let entries = page.lines().filter_map(|line| {
        let entry = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        (entry != line || line.starts_with('-')).then(|| entry.trim_start_matches('-').trim())
    });
    entries
        .filter_map(|entry| {
            let mut quoted = entry.split('`');
            quoted.next().filter(|before| before.is_empty())?;
            let file = quoted.next()?;
            let function = (quoted.next() == Some(" "))
                .then(|| quoted.next())
                .flatten();
            Some((file.to_owned(), function.map(str::to_owned)))
        })
        .collect()
}

fn under_root(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let outside = ["docs/", "grammar/", "tests/", ".ci/"];
    if outside.iter().any(|folder| name.starts_with(folder)) {
        root.join(name)
    } else {
        root.join("src").join(name)
    }
}

#[test]
fn the_flows_and_lists_of_the_architecture_are_true() {
    let page = fs::read_to_string(under_root("docs/architecture.md")).unwrap();
    let (_, lists) = page.split_once("## Four flows").unwrap();
    let hops = hops(lists);
    assert!(hops.len() > 50, "{}", hops.len());
    let mut wrong = Vec::new();
    for (file, function) in &hops {
        let path = under_root(file);
        let Some(function) = function else {
            if !path.exists() {
                wrong.push(format!("there is no `{file}`"));
            }
            continue;
        };
        let text = fs::read_to_string(&path).unwrap_or_default();
        let defined = ["(", "<"]
            .iter()
            .any(|next| text.contains(&format!("fn {function}{next}")));
        if !defined {
            wrong.push(format!("`{file}` has no function `{function}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who adds a kind of step follows the list: it names each file that tells kinds apart, and no other.
#[test]
fn the_list_for_a_kind_of_step_names_every_file_that_tells_kinds_apart() {
    let page = fs::read_to_string(under_root("docs/architecture.md")).unwrap();
    let (_, rest) = page.split_once("**A kind of step.**").unwrap();
    let (list, _) = rest.split_once("\n**").unwrap();
    let named: Vec<String> = hops(list).into_iter().map(|(file, _)| file).collect();
    let root = under_root("");
    let wait = |text: &str| {
        text.match_indices("Task::Wait")
            .any(|(at, _)| !text[..at].ends_with("ast::"))
    };
    // What is about one kind alone is not on the way of another.
    let own = [
        "conductor/read/task/wait.rs",
        "check/rules/timeout_too_short.rs",
        "check/rules/grace_exceeds_life.rs",
        "check/rules/unprotected_replacing.rs",
    ];
    for path in sources("src") {
        let inside = path.strip_prefix(&root).unwrap().display().to_string();
        if wait(&fs::read_to_string(&path).unwrap()) && !own.contains(&inside.as_str()) {
            let reader = inside == "conductor/read/task/mod.rs" || inside == "run/step/control.rs";
            assert!(
                reader || named.contains(&inside),
                "`{inside}` tells kinds of steps apart, and the list does not lead there"
            );
        }
    }
    println!("{} files for a kind of step", named.len());
}
