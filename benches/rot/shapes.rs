//! Texts that grow in one way, in one file: whatever the shape, ten times the text may cost ten times the time. Where the rate
//! (bytes a second) falls from row to row, something looks through all of the text again for each part of it.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use rot::source::SourceFile;
use rot::workspace::config::Config;
use rot::workspace::load::analyse;
use std::fmt::Write;

/// Sizes; the last makes texts of 0.2 to 0.5 MB.
const SIZES: [usize; 3] = [10, 100, 1000];

fn check(bencher: Bencher<'_, '_>, name: &str, text: &str) {
    let (file, config) = (SourceFile::new(name, text), Config::default());
    bencher
        .counter(BytesCount::of_str(text))
        .bench_local(|| black_box(analyse(&file, &config).findings.len()));
}

fn definition(tasks: &[String], more: &str) -> String {
    format!(
        r#"{{"name":"w","version":1,"schemaVersion":2,"tasks":[{}]{more}}}"#,
        tasks.join(",\n")
    )
}

fn http(name: &str, url: &str, body: &str) -> String {
    format!(
        r#"{{"name":"{name}","taskReferenceName":"{name}","type":"HTTP","inputParameters":{{"http_request":{{"uri":"{url}","method":"POST","body":{{"v":"{body}"}}}}}}}}"#
    )
}

fn json(bencher: Bencher<'_, '_>, text: &str) {
    check(bencher, "shape.json", text);
}

/// Each task reads the one before.
#[divan::bench(args = SIZES)]
fn json_chain(bencher: Bencher<'_, '_>, count: usize) {
    let body = |n: usize| {
        n.checked_sub(1).map_or(String::new(), |n| {
            format!("${{t{n}.output.response.body.id}}")
        })
    };
    let tasks: Vec<String> = (0..count)
        .map(|n| http(&format!("t{n}"), "https://api.example.com/x", &body(n)))
        .collect();
    json(bencher, &definition(&tasks, ""));
}

/// Two findings and a secret of its own for each task.
#[divan::bench(args = SIZES)]
fn json_findings(bencher: Bencher<'_, '_>, count: usize) {
    let tasks: Vec<String> = (0..count)
        .map(|n| {
            http(
                &format!("t{n}"),
                &format!("http://api.example.com/?k=${{workflow.secrets.k{n}}}"),
                "",
            )
        })
        .collect();
    json(bencher, &definition(&tasks, ""));
}

/// The same on one line.
#[divan::bench(args = SIZES)]
fn json_one_line(bencher: Bencher<'_, '_>, count: usize) {
    let tasks: Vec<String> = (0..count)
        .map(|n| {
            http(
                &format!("t{n}"),
                &format!("http://api.example.com/?k=${{workflow.secrets.k{n}}}"),
                "",
            )
        })
        .collect();
    json(bencher, &definition(&tasks, "").replace('\n', ""));
}

/// Names that are not there.
#[divan::bench(args = SIZES)]
fn json_unresolved(bencher: Bencher<'_, '_>, count: usize) {
    let tasks: Vec<String> = (0..count)
        .map(|n| {
            http(
                &format!("t{n}"),
                "https://api.example.com/x",
                &format!("${{nope{n}.output.x}}"),
            )
        })
        .collect();
    json(bencher, &definition(&tasks, ""));
}

/// One text with many references.
#[divan::bench(args = SIZES)]
fn json_long_template(bencher: Bencher<'_, '_>, count: usize) {
    let text: String = (0..count)
        .map(|n| format!("a${{workflow.input.x{n}}}"))
        .collect();
    json(
        bencher,
        &definition(&[http("t", "https://api.example.com/x", &text)], ""),
    );
}

/// One SWITCH.
#[divan::bench(args = SIZES)]
fn json_cases(bencher: Bencher<'_, '_>, count: usize) {
    let case = |n| {
        format!(
            r#""c{n}":[{}]"#,
            http(
                &format!("t{n}"),
                "https://api.example.com/x",
                "${workflow.secrets.k}"
            )
        )
    };
    let cases: Vec<String> = (0..count).map(case).collect();
    let switch = format!(
        r#"{{"name":"s","taskReferenceName":"s","type":"SWITCH","evaluatorType":"value-param","expression":"x","inputParameters":{{"x":"${{workflow.input.x}}"}},"decisionCases":{{{}}}}}"#,
        cases.join(",")
    );
    json(bencher, &definition(&[switch], ""));
}

/// One FORK_JOIN.
#[divan::bench(args = SIZES)]
fn json_branches(bencher: Bencher<'_, '_>, count: usize) {
    let branch = |n| {
        format!(
            "[{}]",
            http(
                &format!("t{n}"),
                "https://api.example.com/x",
                "${workflow.secrets.k}"
            )
        )
    };
    let branches: Vec<String> = (0..count).map(branch).collect();
    let fork = format!(
        r#"{{"name":"f","taskReferenceName":"f","type":"FORK_JOIN","forkTasks":[{}]}}"#,
        branches.join(",")
    );
    json(bencher, &definition(&[fork], ""));
}

/// Each variable is set from the one before, in cases of its own.
#[divan::bench(args = SIZES)]
fn json_variables(bencher: Bencher<'_, '_>, count: usize) {
    let set = |n: usize| {
        let value = n
            .checked_sub(1)
            .map_or("${workflow.secrets.k}".to_owned(), |n| {
                format!("${{workflow.variables.v{n}}}")
            });
        let task = format!(
            r#"{{"name":"s{n}","taskReferenceName":"s{n}","type":"SET_VARIABLE","inputParameters":{{"v{n}":"{value}"}}}}"#
        );
        format!(
            r#"{{"name":"c{n}","taskReferenceName":"c{n}","type":"SWITCH","evaluatorType":"value-param","expression":"x","inputParameters":{{"x":"${{workflow.input.x}}"}},"decisionCases":{{"a":[{task}]}}}}"#
        )
    };
    let tasks: Vec<String> = (0..count).map(set).collect();
    json(bencher, &definition(&tasks, ""));
}

/// Each workflow calls the next.
#[divan::bench(args = SIZES)]
fn json_calls(bencher: Bencher<'_, '_>, count: usize) {
    let workflow = |n: usize| {
        let next = n + 1;
        let task = if next < count {
            format!(
                r#"{{"name":"c","taskReferenceName":"c","type":"SUB_WORKFLOW","subWorkflowParam":{{"name":"w{next}","version":1}},"inputParameters":{{"a":"${{workflow.input.a}}"}}}}"#
            )
        } else {
            http("c", "https://api.example.com/x", "${workflow.input.a}")
        };
        format!(
            r#"{{"name":"w{n}","version":1,"schemaVersion":2,"inputParameters":["a"],"tasks":[{task}]}}"#
        )
    };
    json(
        bencher,
        &format!(
            "[{}]",
            (0..count).map(workflow).collect::<Vec<_>>().join(",")
        ),
    );
}

/// Many secrets are replaced one after the other.
#[divan::bench(args = SIZES)]
fn json_updates(bencher: Bencher<'_, '_>, count: usize) {
    let pair = |n| {
        let call = http(
            &format!("t{n}"),
            "https://api.example.com/token",
            &format!("${{workflow.secrets.k{n}}}"),
        );
        let update = format!(
            r#"{{"name":"u","taskReferenceName":"u{n}","type":"UPDATE_SECRET","inputParameters":{{"_secrets":{{"secretKey":"k{n}","secretValue":"${{t{n}.output.response.body.token}}"}}}}}}"#
        );
        [call, update]
    };
    let tasks: Vec<String> = (0..count).flat_map(pair).collect();
    json(bencher, &definition(&tasks, ""));
}

/// Many outputs of one answer.
#[divan::bench(args = SIZES)]
fn json_outputs(bencher: Bencher<'_, '_>, count: usize) {
    let outputs: Vec<String> = (0..count)
        .map(|n| format!(r#""o{n}":"${{t.output.response.body.f{n}}}""#))
        .collect();
    let more = format!(r#","outputParameters":{{{}}}"#, outputs.join(","));
    json(
        bencher,
        &definition(
            &[http(
                "t",
                "https://api.example.com/x",
                "${workflow.secrets.k}",
            )],
            &more,
        ),
    );
}

fn rot(bencher: Bencher<'_, '_>, count: usize, line: impl Fn(&mut String, usize)) {
    let mut text =
        String::from("secret k to \"api.example.com\"\nrotation r {\n  input x: string\n");
    for n in 0..count {
        line(&mut text, n);
    }
    text.push_str("}\n");
    check(bencher, "shape.rot", &text);
}

/// A chain of `let`s.
#[divan::bench(args = SIZES)]
fn rot_lets(bencher: Bencher<'_, '_>, count: usize) {
    rot(bencher, count, |text, n| {
        let _ = match n.checked_sub(1) {
            Some(before) => writeln!(text, "  let a{n} = a{before}"),
            None => writeln!(text, "  let a{n} = input.x"),
        };
    });
}

/// A finding for each line.
#[divan::bench(args = SIZES)]
fn rot_findings(bencher: Bencher<'_, '_>, count: usize) {
    rot(bencher, count, |text, n| {
        writeln!(text, "  log \"a ${{secrets.k}} {n}\"").unwrap()
    });
}

/// A finding and its suppression for each pair of lines.
#[divan::bench(args = SIZES)]
fn rot_suppressions(bencher: Bencher<'_, '_>, count: usize) {
    rot(bencher, count, |text, n| {
        writeln!(
            text,
            "  # rot: ignore[ROT301] a test\n  log \"a ${{secrets.k}} {n}\""
        )
        .unwrap()
    });
}

/// Names that are not there.
#[divan::bench(args = SIZES)]
fn rot_unresolved(bencher: Bencher<'_, '_>, count: usize) {
    rot(bencher, count, |text, n| {
        writeln!(text, "  let b{n} = nope{n}").unwrap()
    });
}

/// Conditions.
#[divan::bench(args = SIZES)]
fn rot_conditions(bencher: Bencher<'_, '_>, count: usize) {
    rot(bencher, count, |text, n| {
        writeln!(text, "  when input.x == \"{n}\" {{ log \"{n}\" }}").unwrap()
    });
}

/// One `parallel`, each branch with a name of its own.
#[divan::bench(args = SIZES)]
fn rot_branches(bencher: Bencher<'_, '_>, count: usize) {
    rot(bencher, count, |text, n| {
        let first = if n == 0 { "  parallel {\n" } else { "" };
        let last = if n + 1 == count { "  }\n" } else { "" };
        let _ = write!(text, "{first}    b{n} {{ let c{n} = input.x }}\n{last}");
    });
}

/// Declared secrets.
#[divan::bench(args = SIZES)]
fn rot_secrets(bencher: Bencher<'_, '_>, count: usize) {
    let mut text = String::new();
    for n in 0..count {
        let _ = writeln!(text, "secret k{n} to \"api.example.com\"");
    }
    text.push_str("rotation r {\n  log \"x\"\n}\n");
    check(bencher, "shape.rot", &text);
}
