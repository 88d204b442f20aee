//! The scanner of `${…}` is written by hand; here it is held to the grammar that says what it reads.

use pest::Parser;
use proptest::prelude::*;
use rot::conductor::scan::{self, Token, TokenKind};
use rot::conductor::template::{Path, Step, StepKind};

#[derive(pest_derive::Parser)]
#[grammar = "grammar/template.pest"]
struct TemplateGrammar;

fn tokens(text: &str) -> Vec<Token> {
    let template = TemplateGrammar::parse(Rule::template, text)
        .unwrap()
        .next()
        .unwrap();
    let token = |pair: pest::iterators::Pair<'_, Rule>| {
        let span = pair.as_span();
        let kind = match pair.as_rule() {
            Rule::escaped => TokenKind::Opening(span.as_str().len() - 2),
            Rule::opening => TokenKind::Opening(0),
            Rule::brace => TokenKind::Brace,
            Rule::close => TokenKind::Close,
            Rule::text => TokenKind::Text,
            _ => return None,
        };
        Some(Token {
            kind,
            start: span.start(),
            end: span.end(),
        })
    };
    template.into_inner().filter_map(token).collect()
}

fn path(text: &str) -> Option<Path> {
    let mut path = Path {
        steps: Vec::new(),
        tail: String::new(),
        tail_start: text.len(),
    };
    for pair in TemplateGrammar::parse(Rule::reference, text)
        .ok()?
        .next()?
        .into_inner()
    {
        let range = pair.as_span().start()..pair.as_span().end();
        let kind = match pair.as_rule() {
            Rule::member => StepKind::Name(pair.as_str().to_owned()),
            Rule::quoted => StepKind::Name(unquoted(pair.into_inner().next()?.as_str())),
            Rule::index => StepKind::Index(
                pair.into_inner()
                    .next()?
                    .as_str()
                    .parse()
                    .unwrap_or(i64::MAX),
            ),
            Rule::tail => {
                path.tail = pair.as_str().to_owned();
                path.tail_start = range.start;
                continue;
            }
            _ => continue,
        };
        path.steps.push(Step { kind, range });
    }
    (!path.steps.is_empty()).then_some(path)
}

fn unquoted(raw: &str) -> String {
    let mut text = String::new();
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn tokens_are_those_of_the_grammar(text in "([$]{0,3}|[{}]|[a.ü \n\\\\])*") {
        prop_assert_eq!(scan::tokens(&text), tokens(&text));
    }

    #[test]
    fn paths_are_those_of_the_grammar(text in r#"([$]?\.?)([.\[\](*'"\\ 0-9ab$ü-]|\['|'\]|\["|"\]|\[-?[0-9]{1,20}\]|\.[a-z]+){0,12}"#) {
        prop_assert_eq!(scan::path(&text), path(&text));
    }

    #[test]
    fn any_text_is_read_alike(text in ".{0,40}") {
        prop_assert_eq!(scan::tokens(&text), tokens(&text));
        prop_assert_eq!(scan::path(&text), path(&text));
    }
}
