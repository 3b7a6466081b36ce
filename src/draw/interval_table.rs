//! Many rows in several groups: names once at the left, and a column a group.

use super::font::{Weight, fit};
use super::interval_layout::{GROUP_GAP, GROUP_HEIGHT, Layout, distinct_names};
use super::interval_row::NAME_SIZE;
use super::palette::GRID;
use super::plot::height_below;
use super::references::vertical_references_height;
use super::sheet::MARGIN;
use super::text_style::{Anchor, LABEL_SIZE, TextStyle};
use super::{Rect, Scene, Stroke};

const TABLE_ROW: f64 = 21.0;

impl Layout<'_> {
    /// Names once at the left, and a column with an axis a group.
    pub(super) fn draw_table(&self, scene: &mut Scene, top: f64) -> f64 {
        let names = distinct_names(self.plot);
        let references = vertical_references_height(&self.plot.references);
        let top = top + GROUP_HEIGHT + references;
        let height = TABLE_ROW * names.len() as f64 + GROUP_GAP;
        let middle = |index: usize| top + TABLE_ROW * (index as f64 + 0.5) + GROUP_GAP / 2.0;
        let right = self.width() - MARGIN / 2.0;
        for (index, name) in names.iter().enumerate() {
            self.draw_name(scene, name, middle(index));
            let line = [(self.left, middle(index)), (right, middle(index))];
            scene.line(line[0], line[1], Stroke::solid(GRID, 0.7));
        }
        let axis = self.plot.axis.clone().unnamed();
        for (column, group) in self.plot.groups.iter().enumerate() {
            let x = self.left + self.column_width() * column as f64;
            let width = self.column_width() - self.room_behind();
            let area = self.area(Rect::new(x, top, width, height), column);
            area.draw_horizontal_axis(scene, &axis);
            let end = x + self.column_width() - 6.0;
            self.draw_references(scene, &area, end);
            let heading = fit(
                &group.label,
                NAME_SIZE,
                Weight::Bold,
                self.column_width() - 8.0,
            );
            let at = (x, top - references - 0.4 * GROUP_HEIGHT);
            scene.text(at, &heading, TextStyle::bold(NAME_SIZE, Anchor::Start));
            for (index, name) in names.iter().enumerate() {
                if let Some(row) = group.rows.iter().find(|row| row.label == *name) {
                    self.in_group(scene, group, row, |scene| {
                        self.draw_row(scene, &area, row, middle(index));
                    });
                }
            }
        }
        let bottom = top + height + height_below(&axis);
        let at = ((self.left + right) / 2.0, bottom + LABEL_SIZE + 4.0);
        scene.text(at, &self.plot.axis.label, TextStyle::label());
        bottom + LABEL_SIZE + MARGIN
    }
}
