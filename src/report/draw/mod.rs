//! What every picture is made of: the scene that writes SVG, text, markers, axes, legends.

pub mod axis;
pub mod colour_scale;
pub mod font;
pub mod heading;
pub mod legend;
pub mod marker;
pub mod palette;
pub mod plot;
pub mod rect;
pub mod references;
pub mod slots;
pub mod stretch;
pub mod svg;
pub mod text;
pub mod tick_labels;
pub mod ticks;
