//! Numbers as people read them: percentages with intervals, durations, sizes, counts. The minus sign is −; files and
//! JSON have their own.

mod with_interval;

pub use with_interval::{
    error_rate, holds_every_rate, interval, percent_interval, percent_within, points, points_within,
};

/// What stands for a number that does not exist.
const MISSING: &str = "–";

/// Narrow no-break space: groups digits without breaking a line.
const THIN_SPACE: char = '\u{202f}';

/// Digits in groups of three from 10 000 up; four digits stay together, as SI recommends.
pub fn group_digits(digits: &str) -> String {
    if digits.len() < 5 {
        return digits.to_string();
    }
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(THIN_SPACE);
        }
        grouped.push(digit);
    }
    grouped
}

/// A count with thin groups: 4000, 50 000.
pub fn count(value: u64) -> String {
    group_digits(&value.to_string())
}

/// A count with what is counted: "1 run", "3 runs".
pub fn counted(value: u64, noun: &str) -> String {
    let ending = if value == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(value))
}

/// What is written for NaN and the infinities; `None` for numbers.
fn not_a_number(value: f64) -> Option<String> {
    match value {
        value if value.is_nan() => Some(MISSING.to_string()),
        f64::INFINITY => Some("∞".to_string()),
        f64::NEG_INFINITY => Some("−∞".to_string()),
        _ => None,
    }
}

/// A written number with a proper minus sign before it; one in an exponent stays.
pub fn with_minus(digits: String) -> String {
    match digits.strip_prefix('-') {
        Some(rest) => format!("−{rest}"),
        None => digits,
    }
}

/// A fraction as a percentage with `decimals` digits: 0.166 is "16.6 %".
pub fn percent(fraction: f64, decimals: usize) -> String {
    not_a_number(fraction).unwrap_or_else(|| format!("{:.decimals$} %", settled(100.0 * fraction)))
}

/// Without what rounding left in the last digits: which way a tie goes must not depend on how a mean was added up.
fn settled(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

/// The power of ten of the first digit of `value` once it is rounded to `digits` digits.
fn exponent(value: f64, digits: usize) -> i32 {
    let written = format!("{:.*e}", digits.saturating_sub(1), value);
    written
        .split_once('e')
        .and_then(|(_, power)| power.parse().ok())
        .unwrap_or(0)
}

/// `value` with `digits` significant digits: 0.000123 to two is "0.00012", 1234.5 to three "1230".
/// Beyond 10⁻⁴ and 10⁷ it is written with an exponent: "1.2e-7".
pub fn significant(value: f64, digits: usize) -> String {
    if let Some(text) = not_a_number(value) {
        return text;
    }
    if value == 0.0 {
        return "0".to_string();
    }
    let digits = digits.clamp(1, 17);
    let power = exponent(value, digits);
    let decimals = digits as i32 - 1 - power;
    with_minus(if !(-4..7).contains(&power) {
        format!("{value:.*e}", digits - 1)
    } else if decimals >= 0 {
        format!("{value:.*}", decimals as usize)
    } else {
        let unit = 10f64.powi(-decimals);
        format!("{:.0}", (value / unit).round() * unit)
    })
}

/// A number with all of its digits, in the shorter notation, as TOML has it: "0.05", "1e300", "nan".
pub fn exact(value: f64) -> String {
    let (plain, power) = (value.to_string().to_lowercase(), format!("{value:e}"));
    if plain.len() <= 7 || plain.len() <= power.len() {
        return plain;
    }
    power
}

/// A p-value: three decimals, or "< 0.001".
pub fn p_value(p: f64) -> String {
    match p {
        p if p.is_nan() => MISSING.to_string(),
        p if p < 0.001 => "< 0.001".to_string(),
        p => format!("{p:.3}"),
    }
}

/// A duration in seconds: "350 ms", "12.3 s", "2 min 40 s", "1 h 05 min", "3 d 4 h".
pub fn duration(seconds: f64) -> String {
    if let Some(text) = not_a_number(seconds) {
        return text;
    }
    let (whole, minutes) = (seconds.round() as u64, (seconds / 60.0).round() as u64);
    let hours = (seconds / 3600.0).round() as u64;
    match seconds {
        0.0 => "0 s".to_string(),
        ..0.0 => format!("−{}", duration(-seconds)),
        ..0.001 => format!("{} µs", significant(seconds * 1e6, 3)),
        ..0.9995 => format!("{} ms", significant(seconds * 1e3, 3)),
        ..59.95 => format!("{seconds:.1} s"),
        ..3599.5 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ if minutes < 24 * 60 => format!("{} h {:02} min", minutes / 60, minutes % 60),
        _ => format!("{} d {} h", count(hours / 24), hours % 24),
    }
}

/// A size in bytes with decimal units: "999 B", "1.25 kB", "527 MB".
pub fn bytes(size_bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if size_bytes < 1000 {
        return format!("{size_bytes} B");
    }
    let mut value = size_bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{} {}", significant(value, 3), UNITS[unit])
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_from_five_digits() {
        assert_eq!(count(0), "0");
        assert_eq!(count(4000), "4000");
        assert_eq!(count(50_000), "50\u{202f}000");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!([counted(1, "run"), counted(0, "run")], ["1 run", "0 runs"]);
    }

    #[test]
    fn significant_digits_survive_rounding_up() {
        assert_eq!(significant(0.000_123, 2), "0.00012");
        assert_eq!(significant(1234.5, 3), "1230");
        assert_eq!(significant(9.996, 3), "10.0");
        assert_eq!(significant(-0.5, 3), "−0.500");
        assert_eq!(significant(-1.234e-7, 2), "−1.2e-7");
        assert_eq!(significant(1.234e-7, 2), "1.2e-7");
        assert_eq!(significant(0.0, 3), "0");
        assert_eq!(significant(f64::NAN, 3), "–");
        assert_eq!(significant(f64::NEG_INFINITY, 3), "−∞");
    }

    #[test]
    fn durations_choose_their_units() {
        let cases = [
            (0.0, "0 s"),
            (0.000_25, "250 µs"),
            (0.35, "350 ms"),
            (0.9999, "1.0 s"),
            (12.34, "12.3 s"),
            (59.97, "1 min 00 s"),
            (160.0, "2 min 40 s"),
            (3599.7, "1 h 00 min"),
            (3900.0, "1 h 05 min"),
            (86_399.0, "1 d 0 h"),
            (273_600.0, "3 d 4 h"),
            (-5.0, "−5.0 s"),
            (f64::NAN, "–"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn sizes_choose_their_units() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1250), "1.25 kB");
        assert_eq!(bytes(999_999), "1.00 MB");
        assert_eq!(bytes(527_000_000), "527 MB");
        assert_eq!(bytes(u64::MAX), "18400 PB");
    }

    #[test]
    fn small_p_values_are_bounds() {
        assert_eq!(p_value(0.0004), "< 0.001");
        assert_eq!(p_value(0.0412), "0.041");
        assert_eq!(p_value(f64::NAN), "–");
    }
}
