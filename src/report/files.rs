//! Pictures and pages as files, each of which appears whole or not at all.

use std::path::Path;

use anyhow::{Context, Result};

use crate::draw::Figure;
use crate::record::files::{RealDisk, replace};

/// Writes a file, and makes its folder where that is missing.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    let path = std::path::absolute(path)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    replace(&RealDisk, &path, content)
}

/// Writes a picture as `STEM.svg` and `STEM.png`.
pub fn save(figure: &Figure, stem: &Path) -> Result<()> {
    write(&stem.with_added_extension("svg"), figure.svg().as_bytes())?;
    write(&stem.with_added_extension("png"), &figure.png()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::LineChart;

    fn chart(title: &str) -> Figure {
        let title = title.into();
        LineChart {
            title,
            ..LineChart::default()
        }
        .figure()
    }

    #[test]
    fn both_files_are_written_and_dots_in_the_name_stay() -> Result<()> {
        let place = tempfile::tempdir()?;
        let folder = place.path().join("new");
        save(&chart("first"), &folder.join("layer1.conv"))?;
        save(&chart("second"), &folder.join("layer1.conv"))?;
        let svg = std::fs::read_to_string(folder.join("layer1.conv.svg"))?;
        assert!(svg.contains(">second<"));
        assert!(std::fs::read(folder.join("layer1.conv.png"))?.starts_with(b"\x89PNG"));
        assert_eq!(std::fs::read_dir(folder)?.count(), 2);
        Ok(())
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("file");
        std::fs::write(&file, "x")?;
        let error = save(&chart(""), &file.join("picture")).expect_err("a file is no folder");
        let error = format!("{error:#}");
        assert!(error.contains("cannot make the folder"), "{error}");
        Ok(())
    }
}
