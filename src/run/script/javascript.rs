//! JavaScript through QuickJS.

use super::{RESULT, TIME};
use crate::json::{self, Node};
use crate::run::value::Value;
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Runtime, context::EvalOptions};

/// Memory of one script.
const MEMORY: usize = 32 << 20;
/// Its stack; less than what a test's thread has.
const STACK: usize = 256 << 10;

/// The value of a script in which `$` is the input.
#[allow(clippy::disallowed_methods)] // the bound on real time is a limit of this process, not an observation of the run
pub fn javascript(source: &str, input: &Value) -> Result<Node, String> {
    let broken = |_| "the script engine could not be started".to_owned();
    let runtime = Runtime::new().map_err(broken)?;
    runtime.set_memory_limit(MEMORY);
    runtime.set_max_stack_size(STACK);
    let begun = std::time::Instant::now();
    let expired = move || begun.elapsed() >= TIME;
    runtime.set_interrupt_handler(Some(Box::new(expired)));
    let context = Context::full(&runtime).map_err(broken)?;
    let text = context.with(|ctx| {
        let result = evaluate(&ctx, source, input).catch(&ctx);
        result.map_err(|caught| describe(&caught, begun.elapsed() >= TIME))
    })?;
    if text.len() > RESULT {
        return Err(format!(
            "the result of the script is longer than {} MiB",
            RESULT >> 20
        ));
    }
    json::parse_text(&text).map_err(|_| "the result of the script is not JSON".to_owned())
}

fn evaluate<'js>(
    ctx: &Ctx<'js>,
    source: &str,
    input: &Value,
) -> rquickjs::Result<zeroize::Zeroizing<String>> {
    let globals = ctx.globals();
    globals.set("$", ctx.json_parse(input.json_text().as_bytes())?)?;
    let mut options = EvalOptions::default();
    options.strict = false;
    let value: rquickjs::Value<'js> = ctx.eval_with_options(source, options)?;
    // `undefined` and functions have no JSON.
    let text = match ctx.json_stringify(value)? {
        Some(text) => text.to_string()?,
        None => "null".to_owned(),
    };
    Ok(zeroize::Zeroizing::new(text))
}

/// What went wrong, without a word of the exception's own text.
fn describe(caught: &CaughtError<'_>, expired: bool) -> String {
    const KNOWN: [&str; 5] = [
        "SyntaxError",
        "ReferenceError",
        "TypeError",
        "RangeError",
        "InternalError",
    ];
    if expired {
        return format!("the script ran longer than {} seconds", TIME.as_secs());
    }
    match caught {
        CaughtError::Exception(exception) => {
            let name: String = exception.get("name").unwrap_or_default();
            let line = exception.stack().as_deref().and_then(line_of);
            let what = KNOWN
                .into_iter()
                .find(|known| *known == name)
                .map_or("an exception", |known| known);
            match line {
                Some(line) => format!("the script ended with {what} in line {line}"),
                None => format!("the script ended with {what}"),
            }
        }
        CaughtError::Value(_) => "the script threw a value".to_owned(),
        CaughtError::Error(rquickjs::Error::Allocation) => {
            format!("the script needs more than {} MiB", MEMORY >> 20)
        }
        CaughtError::Error(_) => "the script could not be run".to_owned(),
    }
}

/// The line in `at <eval> (eval_script:3:5)`.
fn line_of(stack: &str) -> Option<u32> {
    let (_, rest) = stack.split_once("eval_script:")?;
    rest.split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}
