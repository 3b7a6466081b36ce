//! What is measured of a network whose stream is asked for.

use crate::draw::Style;
use crate::probe::stream::StreamPlace;

/// One network.
pub struct NetworkStream {
    /// What the network is.
    pub label: String,
    /// How its lines look.
    pub style: Style,
    /// In front of each unit, and behind the last.
    pub places: Vec<StreamPlace>,
}
