//! What a probe of a network says of itself; following it over checkpoints comes with that.

use anyhow::Result;

use super::{Columns, Output, Subject, Trends};
use crate::cli::StatsArgs;

/// A probe that measures something of each layer of a network.
pub trait NetworkProbe {
    /// What it measures of a layer.
    type Found;
    /// Its name on the command line and in the names of its files.
    const NAME: &'static str;
    /// A line of help.
    const ABOUT: &'static str;

    /// Measures the layers that were asked for.
    fn measure(subject: &Subject, args: &StatsArgs) -> Result<Vec<Self::Found>>;

    /// The columns of its tables; `layer` is the layer's number, from 1.
    fn columns() -> Columns<Self::Found>;

    /// What is drawn and told of it over checkpoints.
    fn trends() -> Trends;

    /// Measures one network, writes its tables and pictures, and says what they show.
    fn look(subject: &Subject, args: &StatsArgs, output: &mut Output) -> Result<()>;
}
