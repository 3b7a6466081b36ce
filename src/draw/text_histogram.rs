//! A small histogram for the terminal.

use crate::stats::Bin;
use crate::text::Terminal;
use crate::text::numbers::{count, with_minus};

/// Bins as horizontal bars of characters, one line each, with ticks where the bins' normal distribution would end.
#[derive(Clone, Debug, PartialEq)]
pub struct TextHistogram<'b> {
    /// The bins.
    pub bins: &'b [Bin],
    /// Number of values, those outside the bins included.
    pub n: usize,
    /// Characters of the longest bar.
    pub bar_width: usize,
}

impl TextHistogram<'_> {
    /// The lines: range, bar, count. Bars end at an eighth of a character where block characters can
    /// be shown, at a whole one elsewhere.
    pub fn render(&self, terminal: &Terminal) -> String {
        let bars = self.bins;
        let lengths = bars
            .iter()
            .map(|bar| self.expected(bar).max(bar.count as f64));
        let longest = lengths.fold(0.0, f64::max);
        if longest <= 0.0 {
            return "no data\n".to_string();
        }
        let widths = bars.iter().map(|bar| bar.high - bar.low);
        let narrowest = widths.fold(f64::INFINITY, f64::min);
        let decimals = (1.0 - narrowest.log10().floor()).clamp(0.0, 9.0) as usize;
        let edge_text = |value: f64| match format!("{value:.decimals$}") {
            digits if terminal.unicode => with_minus(digits),
            digits => digits,
        };
        let edges = bars.iter().flat_map(|bar| [bar.low, bar.high]);
        let characters = edges.map(|value| edge_text(value).chars().count());
        let width = characters.max().unwrap_or(0);
        let edge = if terminal.unicode { '│' } else { '|' };
        let line = |bar: &Bin| {
            let (low, high) = (edge_text(bar.low), edge_text(bar.high));
            let drawn = self.draw_bar(bar, longest, terminal.unicode);
            let number = count(bar.count as u64);
            format!("{low:>width$} .. {high:>width$} {edge}{drawn} {number}\n")
        };
        bars.iter().map(line).collect()
    }

    /// The count that the normal distribution would give.
    fn expected(&self, bin: &Bin) -> f64 {
        bin.normal_density * (bin.high - bin.low) * self.n as f64
    }

    fn draw_bar(&self, bar: &Bin, longest: f64, unicode: bool) -> String {
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
        let expected = length(self.expected(bar)).round() as usize;
        if let Some(cell) = cells.get_mut(expected.wrapping_sub(1)) {
            *cell = if unicode { '┊' } else { ':' };
        }
        cells.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of three bins of width 1 with these counts expected of 22.
    fn text(expected: [f64; 3], terminal: &Terminal) -> String {
        let bin = |(low, (count, expected)): (f64, (usize, f64))| Bin {
            low,
            high: low + 1.0,
            count,
            density: count as f64 / 22.0,
            normal_density: expected / 22.0,
        };
        let counts = [5, 16, 1].into_iter().zip(expected);
        let bins: Vec<Bin> = [-1.0, 0.0, 1.0].into_iter().zip(counts).map(bin).collect();
        let histogram = TextHistogram {
            bins: &bins,
            n: 22,
            bar_width: 8,
        };
        histogram.render(terminal)
    }

    #[test]
    fn blocks_show_eighths() {
        let expected = "\
−1.0 ..  0.0 │██▌      5
 0.0 ..  1.0 │████████ 16
 1.0 ..  2.0 │▌        1
";
        let terminal = Terminal {
            unicode: true,
            ..Terminal::plain()
        };
        assert_eq!(text([0.0; 3], &terminal), expected);
    }

    #[test]
    fn ascii_falls_back_to_whole_characters_and_marks_expectations() {
        let expected = "\
-1.0 ..  0.0 |###  :   5
 0.0 ..  1.0 |###:#### 16
 1.0 ..  2.0 |#        1
";
        assert_eq!(text([12.0, 8.0, f64::NAN], &Terminal::plain()), expected);
    }

    #[test]
    fn nothing_to_show_is_said() {
        let histogram = TextHistogram {
            bins: &[],
            n: 0,
            bar_width: 8,
        };
        assert_eq!(histogram.render(&Terminal::plain()), "no data\n");
    }
}
