//! UTC time stamps as RFC 3339 text (Klyne and Newman, 2002), from the system clock.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Formats a moment as `YYYY-MM-DDThh:mm:ss.mmmZ`; one after the year 9999 as that year's end.
///
/// From the year 0 on all such texts have the same length, and their order as text is their order in time.
pub fn rfc3339(moment: SystemTime) -> String {
    let moment = Timestamp::try_from(moment).unwrap_or(Timestamp::MAX);
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Seconds since 1970-01-01T00:00:00Z with their fraction; negative before.
pub fn unix_seconds(moment: SystemTime) -> f64 {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(milliseconds: u64) -> String {
        rfc3339(UNIX_EPOCH + Duration::from_millis(milliseconds))
    }

    #[test]
    fn known_moments() {
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(1_234_567_890_123), "2009-02-13T23:31:30.123Z");
        assert_eq!(at(4_102_444_799_999), "2099-12-31T23:59:59.999Z");
        assert_eq!(
            rfc3339(UNIX_EPOCH - Duration::from_millis(1)),
            "1969-12-31T23:59:59.999Z"
        );
        assert_eq!(unix_seconds(UNIX_EPOCH - Duration::from_millis(500)), -0.5);
    }
}
