//! Which series gets which style, and the legend that tells so.

use super::legend::{Key, draw_legend};
use super::{Scene, Series, Style};

/// The style of each label, in the order in which labels first occur.
pub struct Looks {
    labels: Vec<(String, Style)>,
    /// The labels of lines that are there for comparison only.
    muted: Vec<String>,
}

impl Looks {
    /// Keeps the styles that are asked for; the other labels get further ones in order.
    pub fn assign<'a>(wanted: impl IntoIterator<Item = (&'a str, Option<Style>)>) -> Looks {
        let wanted: Vec<_> = wanted.into_iter().collect();
        let taken: Vec<Style> = wanted.iter().filter_map(|(_, style)| *style).collect();
        let is_free = |style: &Style| !taken.contains(style);
        let mut free = (0..).map(Style::of_slot).filter(is_free);
        let mut labels: Vec<(String, Style)> = Vec::new();
        for (label, style) in wanted {
            if labels.iter().all(|(known, _)| known != label) {
                let style = style.or_else(|| free.next()).unwrap_or(Style::MUTED);
                labels.push((label.to_string(), style));
            }
        }
        Looks {
            labels,
            muted: Vec::new(),
        }
    }

    /// Those of some lines.
    pub fn of_series<'a>(series: impl IntoIterator<Item = &'a Series>) -> Looks {
        let (muted, named): (Vec<&Series>, Vec<&Series>) =
            series.into_iter().partition(|line| line.muted);
        let styles = named.iter().map(|line| (line.label.as_str(), line.style));
        let mut looks = Looks::assign(styles);
        for line in muted {
            let is_named = looks.labels.iter().any(|(label, _)| *label == line.label);
            if !is_named && !looks.muted.contains(&line.label) {
                looks.muted.push(line.label.clone());
            }
        }
        looks
    }

    /// The style of a line.
    pub fn of(&self, line: &Series) -> Style {
        match line.muted {
            true => Style::MUTED,
            false => self.style(&line.label),
        }
    }

    /// The style of a label.
    pub fn style(&self, label: &str) -> Style {
        let found = self.labels.iter().find(|(known, _)| known == label);
        found.map_or(Style::MUTED, |(_, style)| *style)
    }

    /// What the lines that are there for comparison are called together; empty without one.
    pub fn others(&self) -> String {
        match self.muted.as_slice() {
            [] => String::new(),
            [only] => only.clone(),
            many => format!("{} others", many.len()),
        }
    }

    /// Draws the legend below `bottom`, and returns the height of the picture.
    pub fn draw_legend(&self, scene: &mut Scene, bottom: f64) -> f64 {
        let named = self.labels.iter().filter(|(label, _)| !label.is_empty());
        let entry = |(label, style): &(String, Style)| (Key::Series(*style), label.clone());
        let others = Some(self.others()).filter(|text| !text.is_empty());
        let others = others.map(|text| (Key::Line(Style::MUTED), text));
        let entries: Vec<(Key, String)> = named.map(entry).chain(others).collect();
        draw_legend(scene, bottom, &entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_that_are_asked_for_are_kept_free_of_others() {
        let first = Style::of_slot(0);
        let looks = Looks::assign([("a", None), ("b", Some(first)), ("a", None), ("c", None)]);
        let styles = ["a", "b", "c"].map(|label| looks.style(label));
        assert_eq!(styles, [Style::of_slot(1), first, Style::of_slot(2)]);
    }

    #[test]
    fn lines_for_comparison_share_one_entry_of_the_legend() {
        let line = |label: &str| Series::new(label, [(0.0, 0.0)]);
        let lines = [
            line("bn"),
            line("frn").muted(),
            line("selu").muted(),
            line("bn").muted(),
        ];
        let looks = Looks::of_series(&lines);
        assert_eq!(looks.of(&lines[3]), Style::MUTED);
        let mut scene = Scene::new(400.0);
        looks.draw_legend(&mut scene, 0.0);
        assert_eq!(scene.body.matches("<text").count(), 2);
        assert!(scene.body.contains(">2 others<"));
    }
}
