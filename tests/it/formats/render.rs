//! Drawings, as screenshots.

use super::sample::{Texts, findings, texts};
use proptest::prelude::*;
use rot::diagnostic::{Diagnostic, Label, Severity, codes};
use rot::report::{RenderOptions, Renderer, Report};
use rot::source::{FileId, Span};

fn draw(texts: &Texts, one: &Diagnostic, options: RenderOptions) -> String {
    Renderer::new(options).render(one, &texts.sources)
}

fn wide(texts: &Texts, one: &Diagnostic) -> String {
    draw(texts, one, RenderOptions::default())
}

#[test]
fn a_report_reads_well_in_unicode_in_ascii_and_on_a_narrow_terminal() {
    let texts = texts();
    let report = Report::new(&texts.sources, findings(&texts));
    for (name, width, unicode) in [
        ("unicode", 100, true),
        ("ascii", 100, false),
        ("narrow", 44, true),
    ] {
        let options = RenderOptions {
            color: false,
            width,
            unicode,
        };
        insta::assert_snapshot!(
            format!("report_{name}"),
            Renderer::new(options).render_all(&report)
        );
    }
}

#[test]
fn colours_are_escape_sequences_and_nothing_else_changes() {
    let texts = texts();
    let report = Report::new(&texts.sources, findings(&texts));
    let plain = Renderer::new(RenderOptions::default()).render_all(&report);
    let colored = Renderer::new(RenderOptions {
        color: true,
        ..RenderOptions::default()
    })
    .render_all(&report);
    assert_ne!(plain, colored);
    assert_eq!(plain, strip(&colored));
}

/// Removes `ESC [ … m`.
fn strip(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |out, part| out + part.split_once('m').unwrap().1)
}

#[test]
fn labels_stand_under_their_columns_among_tabs_wide_and_escaped_characters() {
    let texts = Texts::of(&[(
        "a.rot",
        "\tlog \"é東京\u{202e}\u{1b}[31m\" ß HERE # \u{200b}x\n",
    )]);
    let one = Diagnostic::new(
        codes::BIDI_OR_INVISIBLE,
        texts.find(0, "HERE"),
        "the text hides \u{202e}this\u{1b}[0m",
    )
    .at("four columns")
    .label(texts.find(0, "\u{202e}"), "turns the direction of reading");
    insta::assert_snapshot!("escaped_columns", wide(&texts, &one));
}

#[test]
fn names_and_labels_cannot_command_the_terminal() {
    let texts = Texts::of(&[("a\u{1b}]0;x\u{7}\n.rot", "x\n")]);
    let mut one = Diagnostic::new(
        codes::SYNTAX_ERROR,
        Span::new(FileId::new(0), 0, 1),
        "m\u{9b}1\nm2",
    )
    .at("l\r\u{2066}");
    one = one.help("h\u{1b}1\nh2").note("n\u{7f}");
    let drawn = wide(&texts, &one);
    assert!(
        drawn
            .chars()
            .all(|c| c == '\n' || !rot::report::redact::is_invisible(c)),
        "{drawn:?}"
    );
    insta::assert_snapshot!("hostile_names", drawn);
}

#[test]
fn an_empty_place_at_the_end_of_the_text_is_shown() {
    for (name, text) in [("without_newline", "abc"), ("with_newline", "abc\n")] {
        let texts = Texts::of(&[("a.rot", text)]);
        let end = Span::new(FileId::new(0), text.len(), text.len());
        let one =
            Diagnostic::new(codes::SYNTAX_ERROR, end, "the file ends here").at("`}` is missing");
        insta::assert_snapshot!(format!("end_of_text_{name}"), wide(&texts, &one));
    }
}

#[test]
fn a_place_beyond_the_text_or_within_a_character_is_clamped() {
    let texts = Texts::of(&[("a.rot", "aé")]);
    for (start, end) in [(2, 900), (900, 2), (900, 901), (2, 2), (0, 2)] {
        let one = Diagnostic::new(
            codes::SYNTAX_ERROR,
            Span::new(FileId::new(0), start, end),
            "m",
        )
        .at("LABEL");
        let drawn = wide(&texts, &one);
        assert!(
            drawn.contains("LABEL") && !drawn.contains("Failed"),
            "{start}..{end}\n{drawn}"
        );
    }
}

#[test]
fn what_has_no_place_is_message_and_remedy() {
    let texts = Texts::of(&[]);
    let one = Diagnostic::new(
        codes::VAULT_LOCKED,
        Span::NONE,
        "another process works on the vault",
    )
    .note("it is `rot run rotations/ci.rot`, started 3 minutes ago")
    .help("wait for it to end, or see `rot status`");
    insta::assert_snapshot!("no_place", wide(&texts, &one));
}

#[test]
fn several_files_and_far_lines_get_boxes_of_their_own() {
    let far = format!("secret key\n{}use key\n", "# filler\n".repeat(40));
    let texts = Texts::of(&[
        ("rotations/a.rot", &far),
        ("shared.rot", "secret key to \"x\"\n"),
    ]);
    let one = Diagnostic::new(
        codes::DUPLICATE_NAME,
        texts.find(0, "key"),
        "`key` is declared twice",
    )
    .at("again here")
    .label(texts.find(1, "key"), "first declared here")
    .label(texts.nth(0, "key", 1), "used here");
    insta::assert_snapshot!("several_files", wide(&texts, &one));
}

#[test]
fn a_long_flow_is_cut_in_the_middle() {
    let text: String = (1..=9)
        .map(|i| format!("step{i} uses the one before\n"))
        .collect();
    let texts = Texts::of(&[("a.rot", &text)]);
    let hops = (1..=9)
        .map(|i| Label::new(texts.find(0, &format!("step{i}")), format!("hop {i}")))
        .collect();
    let one = Diagnostic::new(
        codes::SECRET_TO_OUTPUT,
        texts.find(0, "step9"),
        "the secret ends up in the output",
    )
    .at("it is public here")
    .flow(hops);
    insta::assert_snapshot!("long_flow", wide(&texts, &one));
}

#[test]
fn labels_over_several_lines_and_overlapping_ones_stay_readable() {
    let texts = Texts::of(&[(
        "a.rot",
        "http mint {\n  bearer secrets.key\n}\nupdate a = b\n",
    )]);
    let one = Diagnostic::new(
        codes::MISSING_EFFECT,
        texts.find(0, "http mint {\n  bearer secrets.key\n}"),
        "the effect is missing",
    )
    .at("this request changes something")
    .label(texts.find(0, "update a = b"), "the whole")
    .label(texts.find(0, "a = b"), "a part of it")
    .label(texts.find(0, "update"), "its start");
    insta::assert_snapshot!("overlapping", wide(&texts, &one));
}

#[test]
fn a_finding_in_a_line_of_a_megabyte_shows_only_what_is_around_it() {
    let line = format!(
        "{{\"a\":\"{}\",\"token\":\"SECRET\",\"b\":\"{}\"}}",
        "x".repeat(600_000),
        "é".repeat(300_000)
    );
    let texts = Texts::of(&[("big.json", &line)]);
    let span = texts.find(0, "\"token\"");
    let one = Diagnostic::new(codes::UNKNOWN_KEY, span, "unknown key")
        .at("here")
        .label(texts.find(0, "\"a\""), "far ahead");
    insta::assert_snapshot!("long_line", wide(&texts, &one));
}

/// The renderer never sees more than the lines around the labels, so ten thousand findings in a megabyte cost ten
/// thousand small drawings; here some hundred, at the far end of a single line and of many lines.
#[test]
fn the_drawing_of_each_finding_is_small_however_large_the_file() {
    for text in ["x".repeat(1 << 20), "let x = 1\n".repeat(100_000)] {
        let texts = Texts::of(&[("big.json", &text)]);
        let found = (0..200).map(|i| {
            Diagnostic::new(
                codes::UNKNOWN_KEY,
                Span::new(FileId::new(0), 900_000 + i, 900_001 + i),
                "m",
            )
            .at("l")
        });
        let drawn = Renderer::new(RenderOptions::default())
            .render_all(&Report::new(&texts.sources, found.collect()));
        assert_eq!(drawn.matches("ROT112").count(), 200);
        assert!(drawn.len() < 200 * 1500, "{}", drawn.len());
    }
}

#[test]
fn blanked_text_is_not_in_any_excerpt_of_the_report() {
    let texts = Texts::of(&[(
        "a.json",
        "{\"k\": \"s3cr3t-päss\"}\n{\"copy\": \"s3cr3t-päss\"}\n",
    )]);
    let span = texts.find(0, "s3cr3t-päss");
    let found = vec![
        Diagnostic::new(codes::HARDCODED_SECRET, span, "a secret in the file")
            .at("here")
            .redacting(span),
        Diagnostic::new(
            codes::UNKNOWN_KEY,
            texts.find(0, "\"k\""),
            "another finding on the same line",
        )
        .at("unknown"),
    ];
    let report = Report::new(&texts.sources, found);
    for unicode in [true, false] {
        let drawn = Renderer::new(RenderOptions {
            unicode,
            ..RenderOptions::default()
        })
        .render_all(&report);
        assert!(
            !drawn.contains("s3cr3t") && !drawn.contains("päss"),
            "{drawn}"
        );
        insta::assert_snapshot!(
            format!("blanked_{}", if unicode { "unicode" } else { "ascii" }),
            drawn
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever the text and the places: it is drawn, no label is lost, and nothing acts on the terminal.
    #[test]
    fn anything_can_be_drawn(
        text in "([a-z \t\r\n]|é|東|😀|\u{202e}|\u{1b}|\u{200b}){0,60}",
        places in prop::collection::vec((0u32..90, 0u32..12, prop::bool::ANY), 1..5),
        width in 0usize..120,
        unicode in prop::bool::ANY,
    ) {
        let texts = Texts::of(&[("a.rot", &text), ("b.rot", "second\nfile\n")]);
        let span = |(start, len, second): (u32, u32, bool)| Span { file: FileId::new(usize::from(second)), start, end: start + len };
        let mut one = Diagnostic::new(codes::SYNTAX_ERROR, span(places[0]), "what is wrong").at("LABEL0").severity(Severity::Note);
        for (i, place) in places.iter().enumerate().skip(1) {
            one = one.label(span(*place), format!("LABEL{i}"));
        }
        one = one.help("a remedy");
        let drawn = draw(&texts, &one, RenderOptions { color: false, width, unicode });
        prop_assert!(!drawn.contains("Failed"), "{}", drawn);
        let drawn_text = drawn.replace(['\n', '│', '|'], " ");
        for (i, place) in places.iter().enumerate() {
            let empty = !place.2 && text.is_empty();
            prop_assert!(empty || drawn_text.contains(&format!("LABEL{i}")), "LABEL{} is lost\n{}", i, drawn);
        }
        prop_assert!(drawn.chars().all(|c| c == '\n' || !rot::report::redact::is_invisible(c)), "{:?}", drawn);
    }
}
