//! A small histogram for the terminal.

use super::numbers::count;
use super::terminal::Terminal;

/// Counts in bins as horizontal bars of characters, one line each.
#[derive(Clone, Debug, PartialEq)]
pub struct TextHistogram {
    /// The edges of the bins, rising, one more than counts.
    pub edges: Vec<f64>,
    /// The number of values in each bin.
    pub counts: Vec<u64>,
    /// The counts that a reference distribution would give, drawn as ticks; may be empty.
    pub expected: Vec<f64>,
    /// Most lines to print: neighbouring bins are joined to stay below.
    pub most_lines: usize,
    /// Characters of the longest bar.
    pub bar_width: usize,
}

impl Default for TextHistogram {
    fn default() -> Self {
        TextHistogram {
            edges: Vec::new(),
            counts: Vec::new(),
            expected: Vec::new(),
            most_lines: 21,
            bar_width: 50,
        }
    }
}

/// One line of the histogram.
struct Bar {
    low: f64,
    high: f64,
    count: u64,
    expected: f64,
}

impl TextHistogram {
    /// The lines: range, bar, count. Bars end at an eighth of a character where block characters can
    /// be shown, at a whole one elsewhere.
    pub fn render(&self, terminal: &Terminal) -> String {
        let bars = self.joined();
        let longest = bars
            .iter()
            .map(|bar| (bar.count as f64).max(bar.expected))
            .fold(0.0, f64::max);
        if longest <= 0.0 {
            return "no data\n".to_string();
        }
        let narrowest = bars
            .iter()
            .map(|bar| bar.high - bar.low)
            .fold(f64::INFINITY, f64::min);
        let decimals = (1.0 - narrowest.log10().floor()).clamp(0.0, 9.0) as usize;
        let ranges: Vec<(String, String)> = bars
            .iter()
            .map(|bar| {
                (
                    format!("{:.decimals$}", bar.low),
                    format!("{:.decimals$}", bar.high),
                )
            })
            .collect();
        let width = ranges
            .iter()
            .flat_map(|(low, high)| [low.len(), high.len()])
            .max()
            .unwrap_or(0);
        let edge = if terminal.unicode { '│' } else { '|' };
        let mut text = String::new();
        for (bar, (low, high)) in bars.iter().zip(&ranges) {
            let drawn = self.draw_bar(bar, longest, terminal.unicode);
            let line = format!(
                "{low:>width$} .. {high:>width$} {edge}{drawn} {}",
                count(bar.count)
            );
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// The bins, neighbours joined where there are more than lines.
    fn joined(&self) -> Vec<Bar> {
        let bin = |(index, (edge, count)): (usize, (&[f64], &u64))| {
            let expected = self
                .expected
                .get(index)
                .copied()
                .filter(|value| value.is_finite())
                .unwrap_or(0.0);
            let (low, high) = (edge[0], edge[1]);
            (high > low).then_some(Bar {
                low,
                high,
                count: *count,
                expected,
            })
        };
        let bins: Vec<Bar> = self
            .edges
            .windows(2)
            .zip(&self.counts)
            .enumerate()
            .filter_map(bin)
            .collect();
        let join = |part: &[Bar]| {
            let (first, last) = (part.first()?, part.last()?);
            let count = part.iter().map(|bar| bar.count).sum();
            let expected = part.iter().map(|bar| bar.expected).sum();
            Some(Bar {
                low: first.low,
                high: last.high,
                count,
                expected,
            })
        };
        bins.chunks(bins.len().div_ceil(self.most_lines.max(1)).max(1))
            .filter_map(join)
            .collect()
    }

    fn draw_bar(&self, bar: &Bar, longest: f64, unicode: bool) -> String {
        const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
        let length = |value: f64| self.bar_width as f64 * value / longest;
        let mut cells = vec![' '; self.bar_width];
        let eighths = if unicode {
            (length(bar.count as f64) * 8.0).round() as usize
        } else {
            (length(bar.count as f64)).round() as usize * 8
        };
        for (index, cell) in cells.iter_mut().enumerate() {
            let filled = eighths.saturating_sub(8 * index).min(8);
            *cell = match (filled, unicode) {
                (8, true) => '█',
                (8, false) => '#',
                (filled, _) => EIGHTHS.get(filled).copied().unwrap_or(' '),
            };
        }
        let expected = length(bar.expected).round() as usize;
        if let Some(cell) = expected
            .checked_sub(1)
            .and_then(|index| cells.get_mut(index))
        {
            *cell = if unicode { '┊' } else { ':' };
        }
        cells.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> TextHistogram {
        TextHistogram {
            edges: vec![-1.0, 0.0, 1.0, 2.0],
            counts: vec![5, 16, 1],
            bar_width: 8,
            ..TextHistogram::default()
        }
    }

    #[test]
    fn blocks_show_eighths() {
        let expected = "\
-1.0 ..  0.0 │██▌      5
 0.0 ..  1.0 │████████ 16
 1.0 ..  2.0 │▌        1
";
        assert_eq!(
            sample().render(&Terminal {
                unicode: true,
                ..Terminal::plain()
            }),
            expected
        );
    }

    #[test]
    fn ascii_falls_back_to_whole_characters_and_marks_expectations() {
        let histogram = TextHistogram {
            expected: vec![12.0, 8.0, f64::NAN],
            ..sample()
        };
        let expected = "\
-1.0 ..  0.0 |###  :   5
 0.0 ..  1.0 |###:#### 16
 1.0 ..  2.0 |#        1
";
        assert_eq!(histogram.render(&Terminal::plain()), expected);
    }

    #[test]
    fn many_bins_are_joined_and_none_is_lost() {
        let histogram = TextHistogram {
            edges: (0..=100).map(f64::from).collect(),
            counts: vec![1; 100],
            most_lines: 9,
            ..TextHistogram::default()
        };
        let bars = histogram.joined();
        assert!(bars.len() <= 9);
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), 100);
    }

    #[test]
    fn nothing_to_show_is_said() {
        assert_eq!(
            TextHistogram::default().render(&Terminal::plain()),
            "no data\n"
        );
        let senseless = TextHistogram {
            edges: vec![1.0, f64::NAN, 0.0],
            counts: vec![1, 2],
            ..TextHistogram::default()
        };
        assert_eq!(senseless.render(&Terminal::plain()), "no data\n");
    }
}
