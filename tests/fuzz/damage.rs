//! Ways in which a valid file goes wrong.

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What stands in the place of a number.
const NUMBERS: &[&str] = &[
    "",
    "0",
    "-0",
    "1",
    "-1",
    "00",
    "+1",
    "0.5",
    "1.",
    ".1",
    "1e-320",
    "1e308",
    "-1e308",
    "1e999",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "0x10",
    "1_000",
    "255",
    "256",
    "65536",
    "1000000000",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "1979-05-27",
];

/// What gets in between.
const SNIPPETS: &[&[u8]] = &[
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\t",
    b"\x1b[31m",
    b"\x7f",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    "é".as_bytes(),
    "😀".as_bytes(),
    b",",
    b",,",
    b"\"",
    b"'",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"=",
    b".",
    b"..",
    b"/",
    b"%",
    b"#",
    b"|",
    b"_",
    b"-",
    b"[",
    b"]",
    b"{",
    b"}",
    b"[[",
    b"{\"a\":",
    b"a = ",
    b"a.",
    b"null",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x80",
    b"\x7f\xff\xff\xff",
];

/// One change of a file.
#[derive(Debug, Clone)]
pub enum Damage {
    /// Turns a bit.
    Flip(Index, u8),
    /// Ends the file early.
    Cut(Index),
    /// Takes bytes out.
    Remove(Index, usize),
    /// Puts something in, so many times.
    Insert(Index, &'static [u8], usize),
    /// Puts what stands at one place over what stands at another.
    Copy(Index, Index, usize),
    /// Sets four bytes, a size in many formats.
    Word(Index, u32),
    /// Puts one text in the place of a number.
    Number(Index, &'static str),
    /// Says a line twice.
    RepeatLine(Index),
    /// Leaves a line out.
    DropLine(Index),
    /// Exchanges two lines.
    SwapLines(Index, Index),
    /// Windows' line ends.
    Crlf,
    /// A byte order mark.
    Bom,
    /// Something else altogether.
    Other(Vec<u8>),
}

/// Any change; those that leave most of a text as it is come often.
fn damage() -> impl Strategy<Value = Damage> {
    use Damage::*;
    let place = any::<Index>;
    prop_oneof![
        3 => (place(), 0..8u8).prop_map(|(at, bit)| Flip(at, bit)),
        1 => place().prop_map(Cut),
        2 => (place(), 1..40usize).prop_map(|(at, length)| Remove(at, length)),
        6 => (place(), select(SNIPPETS), select(&[1, 1, 1, 1, 2, 3, 300, 5000][..]))
            .prop_map(|(at, what, times)| Insert(at, what, times)),
        2 => (place(), place(), 1..40usize).prop_map(|(from, to, length)| Copy(from, to, length)),
        2 => (place(), select(&[0, 1, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x0100_0000, 0x0f00_0000][..]))
            .prop_map(|(at, word)| Word(at, word)),
        8 => (place(), select(NUMBERS)).prop_map(|(at, text)| Number(at, text)),
        1 => place().prop_map(RepeatLine),
        1 => place().prop_map(DropLine),
        1 => (place(), place()).prop_map(|(one, other)| SwapLines(one, other)),
        1 => Just(Crlf),
        1 => Just(Bom),
        1 => prop::collection::vec(any::<u8>(), 0..64).prop_map(Other),
    ]
}

/// A file by its place and what happens to it.
pub fn cases() -> impl Strategy<Value = (Index, Vec<Damage>)> {
    (any::<Index>(), prop::collection::vec(damage(), 1..5))
}

impl Damage {
    /// The file after the change.
    pub fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let length = bytes.len();
        let at = |index: &Index| index.index(length + 1);
        match self {
            Damage::Flip(place, bit) if length > 0 => bytes[place.index(length)] ^= 1 << bit,
            Damage::Cut(place) => bytes.truncate(at(place)),
            Damage::Remove(place, count) => {
                drop(bytes.drain(at(place)..(at(place) + count).min(length)))
            }
            Damage::Insert(place, what, times) => {
                drop(bytes.splice(at(place)..at(place), what.repeat(*times)))
            }
            Damage::Copy(from, to, count) => {
                let copied = bytes[at(from)..(at(from) + count).min(length)].to_vec();
                bytes.splice(at(to)..(at(to) + copied.len()).min(length), copied);
            }
            Damage::Word(place, word) => {
                drop(bytes.splice(at(place)..(at(place) + 4).min(length), word.to_le_bytes()));
            }
            Damage::Number(place, text) => {
                let numbers = numbers(&bytes);
                if !numbers.is_empty() {
                    bytes.splice(numbers[place.index(numbers.len())].clone(), text.bytes());
                }
            }
            Damage::RepeatLine(place) => of_lines(&mut bytes, |lines| {
                let line = place.index(lines.len());
                lines.insert(line, lines[line]);
            }),
            Damage::DropLine(place) => of_lines(&mut bytes, |lines| {
                lines.remove(place.index(lines.len()));
            }),
            Damage::SwapLines(one, other) => of_lines(&mut bytes, |lines| {
                let count = lines.len();
                lines.swap(one.index(count), other.index(count));
            }),
            Damage::Crlf => {
                let ends = |byte: u8| {
                    [b"\r".as_slice(), b""][usize::from(byte != b'\n')]
                        .iter()
                        .copied()
                        .chain([byte])
                };
                bytes = bytes.into_iter().flat_map(ends).collect();
            }
            Damage::Bom => drop(bytes.splice(0..0, *b"\xef\xbb\xbf")),
            Damage::Other(other) => bytes.clone_from(other),
            Damage::Flip(..) => {}
        }
        bytes
    }
}

/// Changes the lines of a text that is not empty.
fn of_lines(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Vec<&[u8]>)) {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    if !lines.is_empty() {
        change(&mut lines);
    }
    *bytes = lines.concat();
}

/// Where numbers stand.
fn numbers(bytes: &[u8]) -> Vec<Range<usize>> {
    let is_part = |place: usize| {
        bytes
            .get(place)
            .is_some_and(|byte| byte.is_ascii_digit() || b".-+".contains(byte))
    };
    let begins = (0..bytes.len()).filter(|&at| is_part(at) && (at == 0 || !is_part(at - 1)));
    let end = |begin: usize| (begin..).find(|&at| !is_part(at)).unwrap_or(begin);
    begins.map(|begin| begin..end(begin)).collect()
}
