//! jq through jaq.

use super::{RESULT, TIME};
use crate::json::{self, Node};
use crate::run::value::Value;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use std::sync::mpsc;
use zeroize::Zeroizing;

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
    let (send, receive) = mpsc::sync_channel(1);
    let program = program.to_owned();
    let input = input.json_text();
    // A thread of its own: a program can be ended only from outside. One that hangs is left behind; the run fails, and the
    // process ends soon after.
    std::thread::Builder::new()
        .name("jq".into())
        .stack_size(STACK)
        .spawn(move || {
            let _gone = send.send(run(&program, &input));
        })
        .map_err(|_| "the system gives no more threads".to_owned())?;
    let text = receive.recv_timeout(TIME).map_err(|_| format!("the jq program ran longer than {} seconds", TIME.as_secs()))??;
    json::parse_text(&text).map_err(|_| "a result of the jq program is not JSON".to_owned())
}

fn run(program: &str, input: &str) -> Result<Zeroizing<String>, String> {
    let input = read::parse_single(input.as_bytes()).map_err(|_| "the input is not JSON".to_owned())?;
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let loader = Loader::new(definitions.filter(|d| !OUTSIDE_DEFINITIONS.contains(&d.name)));
    let arena = Arena::default();
    let modules = loader.load(&arena, File { code: program, path: () }).map_err(|_| "this is not a jq program".to_owned())?;
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
            return Err(format!("the results of the jq program are longer than {} MiB", RESULT >> 20));
        }
    }
    out.push(']');
    Ok(out)
}
