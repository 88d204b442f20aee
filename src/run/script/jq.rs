//! jq through jaq, in a process of its own: a program can recurse or grow without end, and neither its stack nor its memory
//! can be bounded from within.

use super::{RESULT, TIME};
use crate::json::{self, Node};
use crate::run::value::Value;
use crate::world::helper::{self, Trouble};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Num, Val, read};
use zeroize::Zeroizing;

/// The memory of the process, stack included; its threads and libraries take up addresses too.
const MEMORY: u64 = 1 << 30;
/// The stack of the thread that runs a program.
const STACK: usize = 256 << 20;
/// The most results.
const RESULTS: usize = 100_000;
/// What reads the machine's environment or clock, or writes to its log.
const OUTSIDE: [&str; 4] = ["env", "now", "debug_empty", "stderr_empty"];
/// What jq 1.7 has and the engine has not, or has in another way.
const DEFINITIONS: &str = r#"def leaf_paths: paths(scalars);
def join($sep): reduce .[] as $item (null; (if . == null then "" else . + $sep end) + ($item | if . == null then "" elif type == "boolean" or type == "number" then tojson else . end)) // "";
def from_entries: reduce .[] as $entry ({}; . + {($entry | if .key == null then .k // .name // .Name // .K // .Key else .key end | if type == "string" then . else tojson end): ($entry | if has("value") then .value elif has("v") then .v else .Value end)});
def limit($n; f): if $n > 0 then label $out | foreach f as $item (0; . + 1; $item, if . >= $n then break $out else empty end) elif $n == 0 then empty else f end;
def @csv: if type != "array" then error("no list") else map(if type == "string" then "\"" + gsub("\""; "\"\"") + "\"" elif . == null then "" elif type == "array" or type == "object" then error("nested") else tojson end) | join(",") end;
def @tsv: if type != "array" then error("no list") else map(if type == "string" then gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r") elif . == null then "" elif type == "array" or type == "object" then error("nested") else tojson end) | join("\t") end;
def test($re): if ($re | type) == "array" then test($re[0]; $re[1] // "") else test($re; "") end;
def match($re): if ($re | type) == "array" then match($re[0]; $re[1] // "") else match($re; "") end;
def capture($re): if ($re | type) == "array" then capture($re[0]; $re[1] // "") else capture($re; "") end;
"#;
/// Definitions that need them.
const OUTSIDE_DEFINITIONS: [&str; 4] = ["debug", "stderr", "halt", "halt_error"];

/// The results of a program over a value, as a list.
pub fn jq(program: &str, input: &Value) -> Result<Node, String> {
    let program = serde_json::Value::String(program.to_owned()).to_string();
    let input = input.json_text();
    let mut question = Zeroizing::new(Vec::with_capacity(program.len() + input.len() + 1));
    question.extend_from_slice(program.as_bytes());
    question.push(b'\n');
    question.extend_from_slice(input.as_bytes());
    let answer =
        helper::call(question, (RESULT as u64) * 2, TIME).map_err(|trouble| match trouble {
            Trouble::NotStarted => {
                "the process that runs jq programs could not be started".to_owned()
            }
            Trouble::TimedOut => {
                format!("the jq program ran longer than {} seconds", TIME.as_secs())
            }
            Trouble::Died => format!(
                "the jq program needs more than {} MiB of memory, or recurses too deep",
                MEMORY >> 20
            ),
        })?;
    let text = std::str::from_utf8(&answer).unwrap_or_default();
    match text.split_at_checked(1) {
        Some(("+", results)) => json::parse_text(results)
            .map_err(|_| "a result of the jq program is not JSON".to_owned()),
        Some(("-", problem)) => Err(problem.to_owned()),
        _ => Err("the process that runs jq programs gave no answer".to_owned()),
    }
}

/// The process itself.
pub fn serve() -> u8 {
    helper::serve(MEMORY, TIME.as_secs() + 1, |question| {
        let question = Zeroizing::new(question.to_vec());
        let work = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || match answer(&question) {
                Ok(results) => Zeroizing::new(format!("+{}", results.as_str()).into_bytes()),
                Err(problem) => Zeroizing::new(format!("-{problem}").into_bytes()),
            });
        work.ok()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    })
}

fn answer(question: &[u8]) -> Result<Zeroizing<String>, String> {
    let text = std::str::from_utf8(question).map_err(|_| "the input is not text".to_owned())?;
    let (program, input) = text.split_once('\n').ok_or("there is no program")?;
    let program: String =
        serde_json::from_str(program).map_err(|_| "there is no program".to_owned())?;
    run(&program, input)
}

fn run(program: &str, input: &str) -> Result<Zeroizing<String>, String> {
    let program = format!("{DEFINITIONS}{}", with_zeros(program));
    let input =
        read::parse_single(input.as_bytes()).map_err(|_| "the input is not JSON".to_owned())?;
    let definitions = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs());
    let functions = jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs());
    let loader = Loader::new(definitions.filter(|d| !OUTSIDE_DEFINITIONS.contains(&d.name)));
    let arena = Arena::default();
    let modules = loader
        .load(
            &arena,
            File {
                code: program.as_str(),
                path: (),
            },
        )
        .map_err(|_| "this is not a jq program".to_owned())?;
    let filter = Compiler::default()
        .with_funs(functions.filter(|(name, _, _)| !OUTSIDE.contains(name)))
        .compile(modules)
        .map_err(|_| "the jq program uses a function or variable that there is not".to_owned())?;
    let context = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let mut out = Zeroizing::new(String::from("["));
    for (count, result) in filter.id.run((context, input)).map(unwrap_valr).enumerate() {
        let value = result.map_err(|_| "the jq program ended with an error".to_owned())?;
        if count > 0 {
            out.push(',');
        }
        write(&value, &mut out);
        if out.len() > RESULT || count >= RESULTS {
            return Err(format!(
                "the results of the jq program are longer than {} MiB",
                RESULT >> 20
            ));
        }
    }
    out.push(']');
    Ok(out)
}

/// A program whose numbers that begin with a point begin with a zero, as the engine reads them.
fn with_zeros(program: &str) -> String {
    let mut out = String::with_capacity(program.len());
    // The depth of `\(` within texts, and whether a text or a comment is being read.
    let (mut is_text, mut is_comment, mut before) = (Vec::new(), false, ' ');
    let mut depth = 0_usize;
    let mut chars = program.chars().peekable();
    while let Some(c) = chars.next() {
        let within = is_text.last() == Some(&depth);
        if is_comment {
            is_comment = c != '\n';
        } else if within {
            match c {
                '\\' if chars.peek() == Some(&'(') => {
                    out.push(c);
                    out.extend(chars.next());
                    depth += 1;
                    before = '(';
                    continue;
                }
                '\\' => {
                    out.push(c);
                    out.extend(chars.next());
                    continue;
                }
                '"' => drop(is_text.pop()),
                _ => {}
            }
        } else {
            match c {
                '"' => is_text.push(depth),
                '#' => is_comment = true,
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                '.' if chars.peek().is_some_and(char::is_ascii_digit)
                    && !(before.is_alphanumeric()
                        || matches!(before, '_' | '.' | ')' | ']' | '}' | '"' | '?')) =>
                {
                    out.push('0');
                }
                _ => {}
            }
        }
        if !c.is_whitespace() {
            before = c;
        }
        out.push(c);
    }
    out
}

/// JSON as jq 1.7 writes it: a whole number that was computed has no point, and what is no number is null.
fn write(value: &Val, out: &mut String) {
    match value {
        Val::Num(Num::Float(float)) if float.is_nan() => out.push_str("null"),
        Val::Num(Num::Float(float)) if float.fract() == 0.0 && float.abs() < 1e17 => {
            out.push_str(&format!("{float:.0}"));
        }
        Val::Arr(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Val::Obj(members) => {
            out.push('{');
            for (index, (key, item)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(key, out);
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
        other => out.push_str(&Zeroizing::new(other.to_string())),
    }
}
