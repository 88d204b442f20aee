//! JavaScript through QuickJS.
//!
//! A whole number that a double cannot hold is a `BigInt` within a script, so that it comes out as it went in. A script that
//! computes with it ends with a TypeError there; it is then run again with what a double makes of it, as a server does.

use super::{RESULT, TIME};
use crate::json::{self, Node};
use crate::run::value::{Data, Value};
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Runtime, context::EvalOptions};
use std::time::Instant;
use zeroize::Zeroizing;

/// Memory of one script.
const MEMORY: usize = 32 << 20;
/// Its stack; less than what a test's thread has.
const STACK: usize = 256 << 10;
/// The whole numbers that a double holds are below.
const EXACT: u128 = 1 << 53;

/// What a server's engine has not.
const BROWSER: [&str; 4] = ["btoa", "atob", "performance", "queueMicrotask"];

/// The value of a script as JSON: `undefined` is null, also as a member; a function is an empty object; a `BigInt` its digits;
/// what is no number is the word for it. It is made before the script runs, with what the engine brings.
const WRITER: &str = r"(() => {
  const text = JSON.stringify, isArray = Array.isArray, keys = Object.keys, finite = Number.isFinite, digits = String;
  const fromEntries = Object.fromEntries, isView = ArrayBuffer.isView, tag = Object.prototype.toString;
  const is = Object.is, size = Math.abs;
  const number = value => {
    if (!finite(value)) return text(digits(value));
    if (is(value, -0)) return '-0.0';
    return size(value) < 9223372036854775808 ? text(value) : value.toExponential();
  };
  const write = (value, depth) => {
    if (depth > 120) throw new RangeError('nested too deep');
    switch (typeof value) {
      case 'string': return text(value);
      case 'boolean': return value ? 'true' : 'false';
      case 'number': return number(value);
      case 'bigint': return digits(value);
      case 'function': case 'symbol': return '{}';
      case 'object': break;
      default: return 'null';
    }
    if (value === null) return 'null';
    if (typeof value.toJSON === 'function') return write(value.toJSON(), depth + 1);
    if (value instanceof Number || value instanceof String || value instanceof Boolean) return write(value.valueOf(), depth + 1);
    if (value instanceof Map) return write(fromEntries(value), depth + 1);
    if (isArray(value) || isView(value) || tag.call(value) === '[object Arguments]') {
      const parts = [];
      for (let i = 0; i < value.length; i++) parts[i] = write(value[i], depth + 1);
      return '[' + parts.join(',') + ']';
    }
    return '{' + keys(value).map(key => text(key) + ':' + write(value[key], depth + 1)).join(',') + '}';
  };
  return value => write(value, 0);
})()";

/// What a server's script finds in the place of lists and objects: Java's. They have Java's text and Java's methods beside what
/// JavaScript gives them, and what is made of them is JavaScript's own. Nothing of it is a member of a value.
const HOST: &str = r"(() => {
  const isArray = Array.isArray, keys = Object.keys, own = Object.prototype.hasOwnProperty, digits = String;
  const text = value => {
    if (value === null || value === undefined) return 'null';
    if (isArray(value)) return '[' + Array.from(value, text).join(', ') + ']';
    if (typeof value === 'object') return '{' + keys(value).map(key => key + '=' + text(value[key])).join(', ') + '}';
    return digits(value);
  };
  class List extends Array {
    static get [Symbol.species]() { return Array; }
    toString() { return text(this); }
    size() { return this.length; }
    isEmpty() { return this.length === 0; }
    get(index) { if (!(index in this)) throw new RangeError(); return this[index]; }
    contains(value) { return this.includes(value); }
    getFirst() { return this.get(0); }
    getLast() { return this.get(this.length - 1); }
    add(value) { this.push(value); return true; }
  }
  const entry = (key, value) => {
    const pair = [key, value];
    const methods = { toString: () => key + '=' + text(value), getKey: () => key, getValue: () => value };
    for (const name of keys(methods)) Object.defineProperty(pair, name, { value: methods[name] });
    return pair;
  };
  class Members {
    toString() { return text(this); }
    size() { return keys(this).length; }
    isEmpty() { return keys(this).length === 0; }
    get(key) { return own.call(this, key) ? this[key] : null; }
    getOrDefault(key, other) { return own.call(this, key) ? this[key] : other; }
    containsKey(key) { return own.call(this, key); }
    containsValue(value) { return keys(this).some(key => this[key] === value); }
    put(key, value) { const before = this.get(key); this[key] = value; return before; }
    *[Symbol.iterator]() { for (const key of keys(this)) yield entry(key, this[key]); }
  }
  // No list and no object is of a class with a name of ours.
  Object.defineProperty(Members.prototype, 'constructor', { value: Object, enumerable: false });
  Object.defineProperty(List.prototype, 'constructor', { value: Array, enumerable: false });
  const host = value => {
    if (isArray(value)) { value.forEach(host); Object.setPrototypeOf(value, List.prototype); }
    else if (value !== null && typeof value === 'object') {
      for (const key of keys(value)) host(value[key]);
      Object.setPrototypeOf(value, Members.prototype);
    }
    return value;
  };
  // `$` itself is a table of the engine's.
  return input => { for (const key of keys(input)) host(input[key]); return input; };
})()";

/// The value of a script in which `$` is the input.
#[allow(clippy::disallowed_methods)] // the bound on real time is a limit of this process, not an observation of the run
pub fn javascript(source: &str, input: &Value) -> Result<Node, String> {
    if source.trim().is_empty() {
        return Err("there is no script".to_owned());
    }
    let begun = Instant::now();
    let mut large = Vec::new();
    long_numbers(input, &mut Vec::new(), &mut large);
    let text = match run(source, input, &large, begun) {
        Err(Ended::Type(_)) if !large.is_empty() => run(source, input, &[], begun),
        other => other,
    }
    .map_err(|ended| match ended {
        Ended::Type(message) | Ended::Other(message) => message,
    })?;
    if text.len() > RESULT {
        return Err(format!(
            "the result of the script is longer than {} MiB",
            RESULT >> 20
        ));
    }
    json::parse_text(&text).map_err(|_| "the result of the script is not JSON".to_owned())
}

/// Why there is no value.
enum Ended {
    /// With a TypeError.
    Type(String),
    /// In another way.
    Other(String),
}

/// A place in the input, and the digits of the number there.
type Long<'a> = (Vec<Step<'a>>, &'a str);

#[derive(Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Index(u32),
}

fn long_numbers<'a>(value: &'a Value, place: &mut Vec<Step<'a>>, found: &mut Vec<Long<'a>>) {
    match &value.data {
        Data::Number(digits) => {
            let size = digits.strip_prefix('-').unwrap_or(digits);
            let whole = !size.is_empty() && size.bytes().all(|b| b.is_ascii_digit());
            if whole && size.parse::<u128>().map_or(true, |size| size > EXACT) {
                found.push((place.clone(), digits.as_str()));
            }
        }
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                place.push(Step::Index(u32::try_from(index).unwrap_or(u32::MAX)));
                long_numbers(item, place, found);
                place.pop();
            }
        }
        Data::Object(members) => {
            for (name, item) in members {
                place.push(Step::Name(name));
                long_numbers(item, place, found);
                place.pop();
            }
        }
        _ => {}
    }
}

#[allow(clippy::disallowed_methods)] // as above
fn run(
    source: &str,
    input: &Value,
    large: &[Long<'_>],
    begun: Instant,
) -> Result<Zeroizing<String>, Ended> {
    let broken = |_| Ended::Other("the script engine could not be started".to_owned());
    let runtime = Runtime::new().map_err(broken)?;
    runtime.set_memory_limit(MEMORY);
    runtime.set_max_stack_size(STACK);
    let expired = move || begun.elapsed() >= TIME;
    runtime.set_interrupt_handler(Some(Box::new(expired)));
    let context = Context::full(&runtime).map_err(broken)?;
    context.with(|ctx| {
        let result = evaluate(&ctx, source, input, large).catch(&ctx);
        result.map_err(|caught| describe(&caught, begun.elapsed() >= TIME))
    })
}

fn evaluate<'js>(
    ctx: &Ctx<'js>,
    source: &str,
    input: &Value,
    large: &[Long<'_>],
) -> rquickjs::Result<Zeroizing<String>> {
    let globals = ctx.globals();
    for name in BROWSER {
        globals.remove(name)?;
    }
    let write: rquickjs::Function<'js> = ctx.eval(WRITER)?;
    let input = ctx.json_parse(input.json_text().as_bytes())?;
    for (place, digits) in large {
        set(ctx, input.clone(), place, digits)?;
    }
    if input.is_object() && !input.is_array() {
        let host: rquickjs::Function<'js> = ctx.eval(HOST)?;
        globals.set("$", host.call::<_, rquickjs::Value<'js>>((input,))?)?;
    } else {
        globals.set("$", input)?;
    }
    let mut options = EvalOptions::default();
    options.strict = false;
    let value: rquickjs::Value<'js> = ctx.eval_with_options(source, options)?;
    Ok(Zeroizing::new(write.call((value,))?))
}

/// Puts a number at its place as a `BigInt`.
fn set<'js>(
    ctx: &Ctx<'js>,
    input: rquickjs::Value<'js>,
    place: &[Step<'_>],
    digits: &str,
) -> rquickjs::Result<()> {
    let Some((last, before)) = place.split_last() else {
        return Ok(());
    };
    let mut at = input;
    for step in before {
        let Some(object) = at.into_object() else {
            return Ok(());
        };
        at = match *step {
            Step::Name(name) => object.get(name)?,
            Step::Index(index) => object.get(index)?,
        };
    }
    let Some(object) = at.into_object() else {
        return Ok(());
    };
    let number: rquickjs::Value<'js> = ctx.eval(format!("{digits}n"))?;
    match *last {
        // The name of what an object inherits from.
        Step::Name("__proto__") => Ok(()),
        Step::Name(name) => object.set(name, number),
        Step::Index(index) => object.set(index, number),
    }
}

/// What went wrong, without a word of the exception's own text.
fn describe(caught: &CaughtError<'_>, expired: bool) -> Ended {
    const KNOWN: [&str; 5] = [
        "SyntaxError",
        "ReferenceError",
        "TypeError",
        "RangeError",
        "InternalError",
    ];
    if expired {
        return Ended::Other(format!(
            "the script ran longer than {} seconds",
            TIME.as_secs()
        ));
    }
    Ended::Other(match caught {
        CaughtError::Exception(exception) => {
            let name: String = exception.get("name").unwrap_or_default();
            let line = exception.stack().as_deref().and_then(line_of);
            let what = KNOWN
                .into_iter()
                .find(|known| *known == name)
                .map_or("an exception", |known| known);
            let message = match line {
                Some(line) => format!("the script ended with {what} in line {line}"),
                None => format!("the script ended with {what}"),
            };
            if what == "TypeError" {
                return Ended::Type(message);
            }
            message
        }
        CaughtError::Value(_) => "the script threw a value".to_owned(),
        CaughtError::Error(rquickjs::Error::Allocation) => {
            format!("the script needs more than {} MiB", MEMORY >> 20)
        }
        CaughtError::Error(_) => "the script could not be run".to_owned(),
    })
}

/// The line in `at <eval> (eval_script:3:5)`.
fn line_of(stack: &str) -> Option<u32> {
    let (_, rest) = stack.split_once("eval_script:")?;
    rest.split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}
