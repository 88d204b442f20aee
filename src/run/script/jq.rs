//! jq through jaq, in a process of its own: a program can recurse or grow without end, and neither its stack nor its memory
//! can be bounded from within.

use super::{RESULT, TIME};
use crate::json::{self, Node};
use crate::run::value::Value;
use crate::world::helper::{self, Trouble};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use zeroize::Zeroizing;

/// The memory of the process, stack included; its threads and libraries take up addresses too.
const MEMORY: u64 = 1 << 30;
/// The stack of the thread that runs a program.
const STACK: usize = 256 << 20;
/// The most results.
const RESULTS: usize = 100_000;
/// What reads the machine's environment or clock, or writes to its log.
const OUTSIDE: [&str; 4] = ["env", "now", "debug_empty", "stderr_empty"];
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
                code: program,
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
        out.push_str(&Zeroizing::new(value.to_string()));
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
