//! What a probe is: a name, a line of help, and what it does.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::over_checkpoints::{draw, follow, stem};
use super::{NetworkProbe, Output, ProbeTable, Subject};
use crate::cli::StatsArgs;
use crate::draw::Figure;
use crate::report::files::save;

/// What a probe does at one network.
type LookAtNetwork = fn(&Subject, &StatsArgs, &mut Output) -> Result<()>;

/// A probe as `--probe NAME` finds it.
pub struct Probe {
    /// Its name.
    pub name: &'static str,
    /// A line of help.
    pub about: &'static str,
    /// Looks at one network; none for a probe of whole runs.
    pub at_network: Option<LookAtNetwork>,
    /// Looks at runs side by side: at their checkpoints where the probe is of a network, else at what it follows
    /// through training by itself.
    pub at_runs: fn(&[PathBuf], &StatsArgs, &mut Output) -> Result<()>,
    /// The picture of what it finds at runs.
    pub picture: TablePicture,
}

/// A picture that is drawn from a table, and so can be drawn again.
pub struct TablePicture {
    /// The names of both files without their endings.
    pub stem: fn() -> String,
    /// Draws it.
    pub draw: fn(&ProbeTable) -> Figure,
}

impl TablePicture {
    /// Draws it from the table in a folder, where that has one; whether it has.
    pub fn redraw(&self, folder: &Path) -> Result<bool> {
        let stem = folder.join((self.stem)());
        let table = stem.with_added_extension("csv");
        if !table.is_file() {
            return Ok(false);
        }
        save(&(self.draw)(&ProbeTable::read(&table)?), &stem)?;
        Ok(true)
    }
}

impl Probe {
    /// The probe of a network that `P` describes.
    pub const fn of_network<P: NetworkProbe>() -> Probe {
        Probe {
            name: P::NAME,
            about: P::ABOUT,
            at_network: Some(P::look),
            at_runs: follow::<P>,
            picture: TablePicture {
                stem: stem::<P>,
                draw: draw::<P>,
            },
        }
    }
}
