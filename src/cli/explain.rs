//! `rot explain CODE`.

use super::args::ExplainArgs;
use super::context::Context;
use crate::diagnostic::{ALL_CODES, Code, Error, Failure, codes, nearest};
use crate::report::explain;

/// Prints the page of a code.
pub fn run(args: &ExplainArgs, context: &Context, pages: &[(Code, &str)]) -> Result<(), Error> {
    let wanted = args.code.trim();
    let digits = wanted.len() == 3 && wanted.bytes().all(|b| b.is_ascii_digit());
    let numbered = digits
        .then(|| Code::find(&format!("ROT{wanted}")))
        .flatten();
    let Some(code) = numbered.or_else(|| Code::find(wanted)) else {
        let upper = wanted.to_ascii_uppercase();
        let near = nearest(&upper, ALL_CODES.iter().map(|c| c.id()))
            .or(nearest(wanted, ALL_CODES.iter().map(|c| c.name())));
        let help = match near {
            Some(near) => format!("the nearest is `{near}`"),
            None => "codes look like ROT301, names like secret-to-log".to_owned(),
        };
        return Err(Error::plain(Failure::Usage, codes::USAGE, "there is no such code").help(help));
    };
    let page = pages
        .iter()
        .find(|(c, _)| *c == code)
        .map(|(_, page)| *page);
    context.out.stdout(&explain::page(code, page));
    Ok(())
}
