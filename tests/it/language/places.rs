//! Lines, columns and what goes with a place that is cut out.

use proptest::prelude::*;
use rot::source::{At, FileId, Position, SourceFile, SourceMap, Span};

fn at(start: usize, end: usize) -> Span {
    Span::new(FileId::new(0), start, end)
}

#[test]
fn a_span_holds_what_lies_within_it() {
    for (start, end, held) in [
        (2, 5, true),
        (3, 4, true),
        (2, 2, true),
        (5, 5, true),
        (1, 5, false),
        (2, 6, false),
        (1, 6, false),
        (6, 7, false),
        (0, 1, false),
    ] {
        assert_eq!(at(2, 5).contains(at(start, end)), held, "{start} {end}");
    }
    assert!(!at(2, 5).contains(Span::new(FileId::new(1), 3, 4)));
    assert_eq!(
        (
            at(2, 5).to(at(7, 9)),
            at(2, 5).to(at(0, 1)),
            at(2, 5).after()
        ),
        (at(2, 9), at(2, 2), at(5, 5))
    );
    assert_eq!(
        (
            at(0, 0).is_some(),
            Span::NONE.is_some(),
            FileId::new(7).index()
        ),
        (true, false, 7)
    );
    assert_eq!(Span::new(FileId::new(0), 1, usize::MAX).end, u32::MAX);
}

#[test]
fn plans_are_equal_wherever_they_stand() {
    assert_eq!(At::from(at(2, 5)), At::NOWHERE);
    assert_eq!(At::from(at(2, 5)).0, at(2, 5));
}

#[test]
fn a_map_gives_back_what_was_added() {
    let mut map = SourceMap::new();
    let ids = ["a", "b", "c"].map(|name| map.add(SourceFile::new(name, format!("text of {name}"))));
    assert_eq!(ids.map(|id| id.index()), [0, 1, 2]);
    assert_eq!(
        ids.map(|id| map.get(id).unwrap().name().to_owned()),
        ["a", "b", "c"]
    );
    assert_eq!(
        map.files()
            .map(|(id, file)| (id, file.text()))
            .collect::<Vec<_>>(),
        ids.into_iter()
            .zip(["text of a", "text of b", "text of c"])
            .collect::<Vec<_>>()
    );
    assert!(map.get(FileId::NONE).is_none());
}

/// What is cut out stands between `«»`, what goes with it between `[]`.
#[test]
fn what_fills_its_lines_goes_with_them() {
    for marked in [
        "a\n[«b»\n]c\n",
        "a\n[  «b»\t\n]c\n",
        "a\r\n[  «b»  \r\n]c\r\n",
        "[«a»\n]b\n",
        "[\t«a»\n]b\n",
        "[«a\nb»\n]c",
        "a\n[«b»]",
        "a\n[ «b» ]",
        "[«a»]",
        "[ «a» \n]",
        "[«a»\n]\nb",
        "a[ «b»]\nc\n",
        "a[\t «b»] \nc\n",
        "a[ «b»]",
        "a[ «b»]\r\n",
        "[«a»  ]b\n",
        "  [«a» ]b\n",
        "a [«b» ]c\n",
        "a[«»]b\n",
        "a\n[«b»]\rc\n",
    ] {
        let plain: String = marked.chars().filter(|c| !"«»[]".contains(*c)).collect();
        let offset = |sign: char| {
            let before: String = marked
                .split(sign)
                .next()
                .unwrap()
                .chars()
                .filter(|c| !"«»[]".contains(*c))
                .collect();
            before.len()
        };
        let found = SourceFile::new("x", plain).whole_lines(at(offset('«'), offset('»')));
        assert_eq!(found, at(offset('['), offset(']')), "{marked:?}");
    }
}

proptest! {
    /// Lines and columns are what counting line ends and characters gives.
    #[test]
    fn lines_and_columns_are_counted(text in "[ab é😀\r\n]{0,24}", index in any::<prop::sample::Index>()) {
        let source = SourceFile::new("x", text.clone());
        let borders: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
        let offset = borders[index.index(borders.len())];
        let before = &text[..offset];
        let line = before.matches('\n').count();
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let column = text[line_start..offset].chars().count();
        let expected = Position { line: line as u32 + 1, column: column as u32 + 1 };
        prop_assert_eq!(source.position(offset as u32), expected);
        prop_assert_eq!(source.line_index(offset as u32), line);
        prop_assert_eq!(source.line_start(line) as usize, line_start);
        prop_assert_eq!(source.line_text(line), text.split('\n').nth(line).unwrap().trim_end_matches('\r'));
        prop_assert_eq!(source.line_count(), text.split('\n').count());
        prop_assert_eq!(source.line_start(source.line_count()) as usize, text.len());
        prop_assert_eq!(source.slice(line_start as u32, offset as u32), &text[line_start..offset]);
        prop_assert_eq!(source.slice(offset as u32, text.len() as u32 + 1), "");
    }
}
