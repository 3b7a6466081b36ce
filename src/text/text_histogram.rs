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
    /// Most lines to print: neighboring bins are joined to stay below.
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
        let lengths = bars.iter().map(|bar| bar.expected.max(bar.count as f64));
        let longest = lengths.fold(0.0, f64::max);
        if longest <= 0.0 {
            return "no data\n".to_string();
        }
        let widths = bars.iter().map(|bar| bar.high - bar.low);
        let narrowest = widths.fold(f64::INFINITY, f64::min);
        let decimals = (1.0 - narrowest.log10().floor()).clamp(0.0, 9.0) as usize;
        let edge_text = |value: f64| format!("{value:.decimals$}");
        let edges = bars.iter().flat_map(|bar| [bar.low, bar.high]);
        let width = edges.map(|value| edge_text(value).len()).max().unwrap_or(0);
        let edge = if terminal.unicode { '│' } else { '|' };
        let line = |bar: &Bar| {
            let (low, high) = (edge_text(bar.low), edge_text(bar.high));
            let drawn = self.draw_bar(bar, longest, terminal.unicode);
            let number = count(bar.count);
            format!("{low:>width$} .. {high:>width$} {edge}{drawn} {number}\n")
        };
        bars.iter().map(line).collect()
    }

    /// The bins, neighbors joined where there are more than lines.
    fn joined(&self) -> Vec<Bar> {
        let expected = |index: usize| {
            let expected: f64 = self.expected.get(index).copied().unwrap_or(0.0);
            if expected.is_finite() { expected } else { 0.0 }
        };
        let bin = |(index, (edges, count)): (usize, (&[f64], &u64))| Bar {
            low: edges[0],
            high: edges[1],
            count: *count,
            expected: expected(index),
        };
        let bins = self.edges.windows(2).zip(&self.counts).enumerate().map(bin);
        let bins: Vec<Bar> = bins.filter(|bar| bar.high > bar.low).collect();
        let join = |part: &[Bar]| Bar {
            low: part[0].low,
            high: part[part.len() - 1].high,
            count: part.iter().map(|bar| bar.count).sum(),
            expected: part.iter().map(|bar| bar.expected).sum(),
        };
        let most = bins.len().div_ceil(self.most_lines.max(1)).max(1);
        bins.chunks(most).map(join).collect()
    }

    fn draw_bar(&self, bar: &Bar, longest: f64, unicode: bool) -> String {
        const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
        let length = |value: f64| self.bar_width as f64 * value / longest;
        let mut cells = vec![' '; self.bar_width];
        let full = length(bar.count as f64);
        let eighths = match unicode {
            true => (8.0 * full).round() as usize,
            false => 8 * full.round() as usize,
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
        if let Some(cell) = cells.get_mut(expected.wrapping_sub(1)) {
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
