use super::super::files::RealDisk;
use super::*;
use std::time::{Duration, UNIX_EPOCH};

#[derive(Debug, Default, PartialEq)]
struct Decoded {
    wall_time: f64,
    step: u64,
    version: String,
    starts: bool,
    values: Vec<(String, f32)>,
}

enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// Takes a number of bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (front, rest) = bytes.split_at(count);
    *bytes = rest;
    front
}

fn take_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn message(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = take_varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Varint(take_varint(&mut bytes)),
            1 => Field::Fixed64(u64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            2 => {
                let length = take_varint(&mut bytes) as usize;
                Field::Bytes(take(&mut bytes, length))
            }
            5 => Field::Fixed32(u32::from_le_bytes(take(&mut bytes, 4).try_into().unwrap())),
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn scalar(bytes: &[u8]) -> (String, f32) {
    let (mut tag, mut number) = (String::new(), f32::NAN);
    for (field, content) in message(bytes) {
        match (field, content) {
            (1, Field::Bytes(bytes)) => tag = text(bytes),
            (2, Field::Fixed32(bits)) => number = f32::from_bits(bits),
            (other, _) => panic!("field {other} of a value"),
        }
    }
    (tag, number)
}

fn event(bytes: &[u8]) -> Decoded {
    let mut event = Decoded::default();
    for (field, content) in message(bytes) {
        match (field, content) {
            (1, Field::Fixed64(bits)) => event.wall_time = f64::from_bits(bits),
            (2, Field::Varint(step)) => event.step = step,
            (3, Field::Bytes(bytes)) => event.version = text(bytes),
            (5, Field::Bytes(bytes)) => {
                for value in message(bytes) {
                    let (1, Field::Bytes(bytes)) = value else {
                        panic!("a summary holds values only");
                    };
                    event.values.push(scalar(bytes));
                }
            }
            (7, Field::Bytes(bytes)) => {
                event.starts = matches!(message(bytes)[..], [(1, Field::Varint(1))]);
            }
            (other, _) => panic!("field {other} of an event"),
        }
    }
    event
}

fn events(path: &Path) -> Vec<Decoded> {
    let bytes = std::fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let mut events = Vec::new();
    while !rest.is_empty() {
        let length = take(&mut rest, 8);
        assert_eq!(take(&mut rest, 4), masked_crc32c(length).to_le_bytes());
        let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
        let payload = take(&mut rest, length);
        assert_eq!(take(&mut rest, 4), masked_crc32c(payload).to_le_bytes());
        events.push(event(payload));
    }
    events
}

#[test]
fn checksums_are_the_published_ones() {
    // The check value of CRC-32/ISCSI, and RFC 3720, B.4: 32 bytes of zeros, of ones, and ascending.
    assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
    assert_eq!(crc32c(&[0xff; 32]), 0x62A8_AB43);
    assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46DD_794E);
    assert_eq!(masked_crc32c(b""), MASK);
}

#[test]
fn scalars_are_read_back_without_those_that_are_not_finite() {
    let folder = tempfile::tempdir().unwrap();
    let now = UNIX_EPOCH + Duration::from_millis(1_700_000_000_250);
    let file = EventFile::create(&RealDisk, folder.path(), now, 301).unwrap();
    let name = file.path.file_name().unwrap().to_str().unwrap();
    assert_eq!(name, "events.out.tfevents.1700000000.normprop");
    let scalars = [
        ("epoch/test_error".to_owned(), 0.25),
        ("epoch/grad_norm".to_owned(), f64::NAN),
        ("layer_01_größe/pre_std".to_owned(), -1.5),
    ];
    file.add(&RealDisk, now, 1 << 40, &scalars).unwrap();
    let events = events(&file.path);
    assert_eq!(events.len(), 3);
    assert_eq!(events[0].version, "brain.Event:2");
    assert_eq!((events[1].step, events[1].starts), (301, true));
    let expected = Decoded {
        wall_time: 1_700_000_000.25,
        step: 1 << 40,
        values: vec![
            ("epoch/test_error".to_owned(), 0.25),
            ("layer_01_größe/pre_std".to_owned(), -1.5),
        ],
        ..Decoded::default()
    };
    assert_eq!(events[2], expected);
}

#[test]
fn a_later_file_sorts_behind_the_earlier_ones_even_when_the_clock_went_back() {
    let folder = tempfile::tempdir().unwrap();
    let noon = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let create = |now| EventFile::create(&RealDisk, folder.path(), now, 0).unwrap();
    let first = create(noon);
    let second = create(noon);
    let third = create(noon - Duration::from_secs(3600));
    assert!(first.path < second.path && second.path < third.path);
}

#[test]
fn only_our_own_event_files_are_recognized() {
    assert!(is_event_file_name(
        "events.out.tfevents.1700000000.normprop"
    ));
    for name in [
        "events.out.tfevents..normprop",
        "events.out.tfevents.17x.normprop",
        "events.out.tfevents.+17.normprop",
        "events.out.tfevents.1700000000.host",
    ] {
        assert!(!is_event_file_name(name), "{name}");
    }
}
