//! In which spellings a value may show up: escaped for a language, or encoded. A table of decoders, not of spellings.
//!
//! A text is read in every way in which something may have written it: with its percent signs, entities or backslashes
//! undone, as base64, as hexadecimal; and again, for one spelling inside another (JSON in JSON, percent twice, base64 of
//! base64). Each reading remembers which bytes of the text each of its own stands for, so a value that is found in one is
//! masked where it stands. No spelling has to be foreseen for each value. A reading holds only what is within reach of
//! something that was undone, so the cost is that of the text, and of its escapes times the longest value.

use std::collections::HashSet;

/// A byte of a reading, and the bytes of the text (from, to) that stand for it.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    /// 0 to 255, or [`BREAK`].
    pub(super) unit: u16,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// Parts two runs that do not belong together; equal to no byte.
pub(super) const BREAK: u16 = 256;

/// Runs of base64 letters, digits or numbers that stand for fewer bytes say nothing.
const LEAST: usize = 3;
/// How deep a spelling inside another is undone; one that was applied again and again is undone once more.
const DEPTH: usize = 2;

/// A reading of cells, as far as it differs from them; the number is how far a value may reach from a difference.
type Decoder = fn(&[Cell], usize) -> Option<Vec<Cell>>;

/// Spellings of text as text: what they leave alone stays.
const TEXT: &[Decoder] = &[
    |cells, reach| rewrite(cells, reach, b"\\", backslash),
    // What this program itself shows for characters that cannot be seen: other backslashes are what they are.
    |cells, reach| rewrite(cells, reach, b"\\", braces),
    |cells, reach| rewrite(cells, reach, b"%", percent),
    |cells, reach| {
        let plus = cells.iter().any(|c| c.unit == u16::from(b'+'));
        plus.then(|| rewrite(cells, reach, b"%+", form))?
    },
    |cells, reach| rewrite(cells, reach, b"&", entity),
    |cells, reach| rewrite(cells, reach, b"=", quoted_printable),
    |cells, reach| rewrite(cells, reach, b"'", shell),
    // SQL, CSV, printf and ini files, compose files and make.
    |cells, reach| rewrite(cells, reach, b"'", doubled),
    |cells, reach| rewrite(cells, reach, b"\"", doubled),
    |cells, reach| rewrite(cells, reach, b"%", doubled),
    |cells, reach| rewrite(cells, reach, b"$", doubled),
];

/// Spellings of bytes: runs of an alphabet, each in every alignment, apart from each other.
const BYTES: &[Decoder] = &[
    |cells, _| base64(cells),
    |cells, _| hex(cells),
    |cells, _| decimal(cells),
];

/// Gives every reading of `text` to `look`, the text as it is first. A value reaches no further than `reach`
/// bytes from an escape that is part of it.
pub(super) fn readings(text: &[u8], reach: usize, mut look: impl FnMut(&[Cell])) {
    let size = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let whole: Vec<Cell> = (0..size)
        .zip(text)
        .map(|(at, byte)| Cell {
            unit: u16::from(*byte),
            from: at,
            to: at + 1,
        })
        .collect();
    look(&whole);
    let mut seen = HashSet::from([digest(&whole)]);
    let mut open = vec![(whole, None::<usize>, 0usize)];
    while let Some((cells, last, depth)) = open.pop() {
        for (at, decode) in TEXT.iter().chain(BYTES).enumerate() {
            let again = depth == DEPTH && last == Some(at) && at < TEXT.len();
            if depth > DEPTH || (depth == DEPTH && !again) {
                continue;
            }
            let Some(reading) = decode(&cells, reach + 1).filter(|r| seen.insert(digest(r))) else {
                continue;
            };
            look(&reading);
            let next = if at < TEXT.len() {
                reading
            } else {
                plausible(&reading)
            };
            if next.len() >= LEAST {
                open.push((next, Some(at), depth + 1));
            }
        }
    }
}

/// Tells readings apart; two that are taken for one by chance cost a masked spelling of a spelling at most.
fn digest(cells: &[Cell]) -> u64 {
    cells.iter().fold(0, |sum: u64, cell| {
        let both = u64::from(cell.unit) << 32 | u64::from(cell.from);
        (sum.rotate_left(5) ^ both).wrapping_mul(0x517c_c1b7_2722_0a95)
    })
}

/// The runs of decoded bytes that are text, which may be a spelling in its turn; chance gives hardly any.
fn plausible(cells: &[Cell]) -> Vec<Cell> {
    let mut kept = Vec::new();
    for run in cells.split_inclusive(|c| c.unit == BREAK) {
        let bytes: Vec<u8> = run
            .iter()
            .filter_map(|c| u8::try_from(c.unit).ok())
            .collect();
        let text = std::str::from_utf8(&bytes).is_ok_and(|text| {
            !text
                .chars()
                .any(|c| c.is_control() && !c.is_ascii_whitespace())
        });
        if text && run.len() > LEAST {
            kept.extend_from_slice(run);
        }
    }
    kept
}

/// What stands at a place: how many cells it takes, and the bytes that they mean.
struct Piece {
    taken: usize,
    bytes: [u8; 4],
    count: usize,
}

impl Piece {
    fn byte(taken: usize, byte: u8) -> Option<Self> {
        Some(Self {
            taken,
            bytes: [byte, 0, 0, 0],
            count: 1,
        })
    }

    fn nothing(taken: usize) -> Option<Self> {
        Some(Self {
            taken,
            bytes: [0; 4],
            count: 0,
        })
    }

    fn scalar(taken: usize, scalar: u32) -> Option<Self> {
        let c = char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER);
        let mut bytes = [0; 4];
        let count = c.encode_utf8(&mut bytes).len();
        Some(Self {
            taken,
            bytes,
            count,
        })
    }
}

/// Replaces what `read` knows at each of the `first` bytes, and keeps what is within `reach` of it; `None` where there is
/// nothing to replace.
fn rewrite(
    cells: &[Cell],
    reach: usize,
    first: &[u8],
    read: fn(&[Cell]) -> Option<Piece>,
) -> Option<Vec<Cell>> {
    let mut out: Vec<Cell> = Vec::new();
    // Where the cells begin that are not in the reading yet, and where those end that are in reach.
    let (mut rest, mut near) = (0, 0);
    let mut at = 0;
    while let Some(cell) = cells.get(at) {
        let begins = first.iter().any(|b| u16::from(*b) == cell.unit);
        let piece = if begins {
            read(cells.get(at..).unwrap_or_default())
        } else {
            None
        };
        let Some(piece) = piece else {
            at += 1;
            continue;
        };
        let from = if at.saturating_sub(reach) <= near {
            rest
        } else {
            out.extend_from_slice(cells.get(rest..near).unwrap_or_default());
            separate(&mut out);
            at - reach
        };
        out.extend_from_slice(cells.get(from..at).unwrap_or_default());
        let to = cells
            .get(at + piece.taken - 1)
            .map_or(cell.to, |last| last.to);
        for byte in piece.bytes.iter().take(piece.count) {
            out.push(Cell {
                unit: u16::from(*byte),
                from: cell.from,
                to,
            });
        }
        at += piece.taken;
        (rest, near) = (at, (at + reach).min(cells.len()));
    }
    if near == 0 {
        return None;
    }
    out.extend_from_slice(cells.get(rest..near).unwrap_or_default());
    if near < cells.len() {
        separate(&mut out);
    }
    Some(out)
}

fn byte(cells: &[Cell], at: usize) -> Option<u8> {
    u8::try_from(cells.get(at)?.unit).ok()
}

fn is(cells: &[Cell], text: &[u8]) -> bool {
    text.iter()
        .enumerate()
        .all(|(at, b)| byte(cells, at) == Some(*b))
}

/// The number that `least` to `most` digits from `at` on stand for, and how many they are.
fn number(
    cells: &[Cell],
    at: usize,
    radix: u32,
    least: usize,
    most: usize,
) -> Option<(u32, usize)> {
    let (mut value, mut count) = (0u32, 0);
    while count < most {
        let Some(digit) = byte(cells, at + count).and_then(|b| char::from(b).to_digit(radix))
        else {
            break;
        };
        value = value.saturating_mul(radix).saturating_add(digit);
        count += 1;
    }
    (count >= least).then_some((value, count))
}

/// JSON, Java, C, Rust, Python, shells with `$'…'`.
fn backslash(cells: &[Cell]) -> Option<Piece> {
    match byte(cells, 1)? {
        b'u' => braces(cells)
            .or_else(|| utf16(cells))
            .or_else(|| Piece::byte(2, b'u')),
        b'U' => match number(cells, 2, 16, 8, 8) {
            Some((scalar, _)) => Piece::scalar(10, scalar),
            None => Piece::byte(2, b'U'),
        },
        b'x' => match number(cells, 2, 16, 2, 2) {
            Some((value, _)) => Piece::byte(4, u8::try_from(value).ok()?),
            None => Piece::byte(2, b'x'),
        },
        b'0'..=b'7' => {
            let (value, count) = number(cells, 1, 8, 1, 3)?;
            Piece::byte(1 + count, u8::try_from(value).ok()?)
        }
        b'n' => Piece::byte(2, b'\n'),
        b'r' => Piece::byte(2, b'\r'),
        b't' => Piece::byte(2, b'\t'),
        b'b' => Piece::byte(2, 8),
        b'f' => Piece::byte(2, 12),
        b'v' => Piece::byte(2, 11),
        b'a' => Piece::byte(2, 7),
        b'e' => Piece::byte(2, 27),
        other => Piece::byte(2, other),
    }
}

/// `\uD83D\uDE00`.
fn utf16(cells: &[Cell]) -> Option<Piece> {
    let (unit, _) = number(cells, 2, 16, 4, 4)?;
    if (0xd800..0xdc00).contains(&unit)
        && cells.get(6..).is_some_and(|rest| is(rest, b"\\u"))
        && let Some((low @ 0xdc00..=0xdfff, _)) = number(cells, 8, 16, 4, 4)
    {
        return Piece::scalar(12, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
    }
    Piece::scalar(6, unit)
}

/// `\u{1F600}`.
fn braces(cells: &[Cell]) -> Option<Piece> {
    if !is(cells, b"\\u{") {
        return None;
    }
    let (scalar, count) = number(cells, 3, 16, 1, 6)?;
    (byte(cells, 3 + count) == Some(b'}')).then_some(())?;
    Piece::scalar(4 + count, scalar)
}

/// RFC 3986 section 2.1, and `%u003D` of JavaScript's `escape`.
fn percent(cells: &[Cell]) -> Option<Piece> {
    if let Some((value, _)) = number(cells, 1, 16, 2, 2) {
        return Piece::byte(3, u8::try_from(value).ok()?);
    }
    let (unit, _) = (byte(cells, 1) == Some(b'u')).then(|| number(cells, 2, 16, 4, 4))??;
    Piece::scalar(6, unit)
}

/// The same in forms, where a plus sign is a blank.
fn form(cells: &[Cell]) -> Option<Piece> {
    if byte(cells, 0) == Some(b'+') {
        return Piece::byte(1, b' ');
    }
    percent(cells)
}

/// Names of HTML and XML for what stands on a keyboard.
const ENTITIES: &[(&[u8], u8)] = &[
    (b"amp", b'&'),
    (b"lt", b'<'),
    (b"gt", b'>'),
    (b"quot", b'"'),
    (b"apos", b'\''),
    (b"nbsp", b' '),
    (b"sol", b'/'),
    (b"bsol", b'\\'),
    (b"equals", b'='),
    (b"plus", b'+'),
    (b"colon", b':'),
    (b"semi", b';'),
    (b"num", b'#'),
    (b"percnt", b'%'),
    (b"dollar", b'$'),
    (b"lpar", b'('),
    (b"rpar", b')'),
    (b"ast", b'*'),
    (b"comma", b','),
    (b"period", b'.'),
    (b"quest", b'?'),
    (b"commat", b'@'),
    (b"lsqb", b'['),
    (b"lbrack", b'['),
    (b"rsqb", b']'),
    (b"rbrack", b']'),
    (b"lcub", b'{'),
    (b"lbrace", b'{'),
    (b"rcub", b'}'),
    (b"rbrace", b'}'),
    (b"lowbar", b'_'),
    (b"grave", b'`'),
    (b"vert", b'|'),
    (b"verbar", b'|'),
    (b"excl", b'!'),
    (b"Hat", b'^'),
    (b"Tab", b'\t'),
    (b"NewLine", b'\n'),
];

/// `&amp;`, `&#39;`, `&#039;`, `&#x27;`.
fn entity(cells: &[Cell]) -> Option<Piece> {
    let ended = |count: usize| count + usize::from(byte(cells, count) == Some(b';'));
    if byte(cells, 1) == Some(b'#') {
        if matches!(byte(cells, 2), Some(b'x' | b'X')) {
            let (scalar, count) = number(cells, 3, 16, 1, 8)?;
            return Piece::scalar(ended(3 + count), scalar);
        }
        let (scalar, count) = number(cells, 2, 10, 1, 9)?;
        return Piece::scalar(ended(2 + count), scalar);
    }
    let rest = cells.get(1..)?;
    ENTITIES
        .iter()
        .find(|(name, _)| is(rest, name) && byte(rest, name.len()) == Some(b';'))
        .and_then(|(name, meant)| Piece::byte(name.len() + 2, *meant))
}

/// RFC 2045 section 6.7.
fn quoted_printable(cells: &[Cell]) -> Option<Piece> {
    if is(cells, b"=\n") {
        return Piece::nothing(2);
    }
    if is(cells, b"=\r\n") {
        return Piece::nothing(3);
    }
    let (value, _) = number(cells, 1, 16, 2, 2)?;
    Piece::byte(3, u8::try_from(value).ok()?)
}

/// A quote inside `'…'` of a shell.
fn shell(cells: &[Cell]) -> Option<Piece> {
    if is(cells, br"'\''") {
        return Piece::byte(4, b'\'');
    }
    if is(cells, br#"'"'"'"#) {
        return Piece::byte(5, b'\'');
    }
    None
}

fn doubled(cells: &[Cell]) -> Option<Piece> {
    let sign = byte(cells, 0)?;
    (byte(cells, 1) == Some(sign)).then_some(())?;
    Piece::byte(2, sign)
}

/// Base64 in both alphabets, in one line or in many (RFC 2045, PEM, YAML blocks), from each of the first four letters on.
fn base64(cells: &[Cell]) -> Option<Vec<Cell>> {
    let mut out = Vec::new();
    let mut run: Vec<(u8, u32, u32)> = Vec::new();
    let mut at = 0;
    loop {
        let cell = cells.get(at);
        if let Some((cell, value)) =
            cell.and_then(|c| Some((c, sextet(u8::try_from(c.unit).ok()?)?)))
        {
            run.push((value, cell.from, cell.to));
            at += 1;
            continue;
        }
        let fold = folded(cells.get(at..).unwrap_or_default());
        if fold > 0 && !run.is_empty() {
            at += fold;
            continue;
        }
        // The filling at the end belongs to the last letter.
        for _ in 0..2 {
            if let (Some(b'='), Some(last), Some(fill)) =
                (byte(cells, at), run.last_mut(), cells.get(at))
            {
                last.2 = fill.to;
                at += 1;
            }
        }
        for phase in 0..4 {
            sextets(run.get(phase..).unwrap_or_default(), &mut out);
        }
        run.clear();
        if cell.is_none() {
            break;
        }
        if byte(cells, at).and_then(sextet).is_none() {
            at += 1;
        }
    }
    (!out.is_empty()).then_some(out)
}

/// How many cells a line end takes with the blanks that indent what comes next.
fn folded(cells: &[Cell]) -> usize {
    let ends = cells
        .iter()
        .take_while(|c| matches!(c.unit, 0x0a | 0x0d))
        .count();
    if ends == 0 {
        return 0;
    }
    let rest = cells.get(ends..).unwrap_or_default();
    ends + rest
        .iter()
        .take_while(|c| matches!(c.unit, 0x20 | 0x09))
        .count()
}

fn sextet(letter: u8) -> Option<u8> {
    Some(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

fn sextets(run: &[(u8, u32, u32)], out: &mut Vec<Cell>) {
    if run.len() * 3 / 4 < LEAST {
        return;
    }
    for group in run.chunks(4) {
        for pair in group.windows(2).enumerate() {
            let (at, [(high, from, _), (low, _, to)]) = pair else {
                continue;
            };
            let unit = match at {
                0 => u16::from(*high) << 2 | u16::from(*low) >> 4,
                1 => u16::from(*high & 0xf) << 4 | u16::from(*low) >> 2,
                _ => u16::from(*high & 0x3) << 6 | u16::from(*low),
            };
            out.push(Cell {
                unit,
                from: *from,
                to: *to,
            });
        }
    }
    separate(out);
}

fn separate(out: &mut Vec<Cell>) {
    if let Some(last) = out.last().copied() {
        out.push(Cell {
            unit: BREAK,
            ..last
        });
    }
}

/// Hexadecimal, bare or with separators (`4a:4b`, `4a 4b`, `0x4a, 0x4b`, `\x4a\x4b`), from each of the first two digits on.
fn hex(cells: &[Cell]) -> Option<Vec<Cell>> {
    let mut out = Vec::new();
    let mut run: Vec<(u8, u32, u32)> = Vec::new();
    let mut at = 0;
    let digit = |at: usize| {
        let value = char::from(byte(cells, at)?).to_digit(16)?;
        u8::try_from(value).ok()
    };
    let marked = |at: usize| {
        matches!(byte(cells, at), Some(b'0' | b'\\'))
            && matches!(byte(cells, at + 1), Some(b'x' | b'X'))
            && digit(at + 2).is_some()
    };
    let parts = |at: usize| {
        matches!(
            byte(cells, at),
            Some(b':' | b'-' | b'_' | b',' | b' ' | b'\n' | b'\r')
        )
    };
    loop {
        let cell = cells.get(at);
        let mark = if marked(at) { 2 } else { 0 };
        if let (Some(value), Some(first), Some(cell)) =
            (digit(at + mark), cell, cells.get(at + mark))
        {
            run.push((value, first.from, cell.to));
            at += mark + 1;
        } else if !run.is_empty() && parts(at) {
            at += 1;
        } else {
            for phase in 0..2 {
                digits(run.get(phase..).unwrap_or_default(), &mut out);
            }
            run.clear();
            if cell.is_none() {
                break;
            }
            at += 1;
        }
    }
    (!out.is_empty()).then_some(out)
}

fn digits(run: &[(u8, u32, u32)], out: &mut Vec<Cell>) {
    if run.len() / 2 < LEAST {
        return;
    }
    for pair in run.chunks_exact(2) {
        if let [(high, from, _), (low, _, to)] = pair {
            let unit = u16::from(*high) << 4 | u16::from(*low);
            out.push(Cell {
                unit,
                from: *from,
                to: *to,
            });
        }
    }
    separate(out);
}

/// A list of numbers, as debuggers and JSON print bytes; signed ones too, as Java's are.
fn decimal(cells: &[Cell]) -> Option<Vec<Cell>> {
    let mut out: Vec<Cell> = Vec::new();
    let mut run: Vec<Cell> = Vec::new();
    let mut at = 0;
    loop {
        let minus = usize::from(byte(cells, at) == Some(b'-'));
        let found = number(cells, at + minus, 10, 1, 4).filter(|(_, count)| *count <= 3);
        let value = found.and_then(|(value, _)| match minus {
            0 => u8::try_from(value).ok(),
            _ => (value <= 128).then(|| (256 - value) as u8),
        });
        if let (Some(value), Some((_, count)), Some(cell)) = (value, found, cells.get(at)) {
            let end = at + minus + count;
            let to = cells.get(end - 1).map_or(cell.to, |last| last.to);
            run.push(Cell {
                unit: u16::from(value),
                from: cell.from,
                to,
            });
            at = end;
            let gap = (0..)
                .take_while(|i| matches!(byte(cells, at + i), Some(b',' | b' ' | b'\n' | b'\r')))
                .count();
            at += gap;
            if gap > 0 {
                continue;
            }
        } else {
            at += found.map_or(1, |(_, count)| minus + count);
        }
        if run.len() >= LEAST {
            out.append(&mut run);
            separate(&mut out);
        }
        run.clear();
        if at >= cells.len() {
            break;
        }
    }
    (!out.is_empty()).then_some(out)
}
