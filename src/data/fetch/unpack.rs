//! Taking named files, and nothing else, out of a tar archive.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path};

use anyhow::{Context, Result, bail, ensure};
use tar::Archive;

use crate::data::files::open_plain_or_gzip;

/// No file of any dataset is nearly as long; an archive that says so is not what it seems.
const LONGEST_MEMBER_BYTES: u64 = 1 << 30;

/// Unpacks the members that `wanted` accepts by file name, from whatever folder of the archive, into `to`.
///
/// Names on disk are those `wanted` knows, so no member can be written elsewhere; an archive that tries is
/// refused as a whole. The archive is read to its end, so that gzip's own checksum is checked.
pub(super) fn unpack_members(
    archive: &Path,
    wanted: &dyn Fn(&str) -> bool,
    to: &Path,
) -> Result<()> {
    unpack(archive, wanted, to).with_context(|| format!("cannot unpack {}", archive.display()))
}

fn unpack(archive: &Path, wanted: &dyn Fn(&str) -> bool, to: &Path) -> Result<()> {
    let mut archive = Archive::new(open_plain_or_gzip(archive)?);
    let mut seen = BTreeSet::new();
    let damaged = "it is cut short, damaged, or no .tar.gz archive";
    for member in archive.entries().context(damaged)? {
        let mut member = member.context(damaged)?;
        let path = member.path().context(damaged)?.into_owned();
        let harmless = path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        ensure!(
            harmless,
            "its member `{}` points out of the archive; do not trust this file",
            path.display()
        );
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if !wanted(name) {
            continue;
        }
        ensure!(
            member.header().entry_type().is_file(),
            "its member `{}` is a link or a folder, not a file",
            path.display()
        );
        ensure!(
            seen.insert(name.to_owned()),
            "it holds `{name}` more than once"
        );
        let size = member.size();
        if size > LONGEST_MEMBER_BYTES {
            bail!(
                "its member `{}` claims to have {size} bytes",
                path.display()
            );
        }
        let target = to.join(name);
        let context = || format!("cannot write {}", target.display());
        let mut file = File::create_new(&target).with_context(context)?;
        let copied = std::io::copy(&mut member, &mut file)
            .with_context(|| format!("unpacking `{}`", path.display()))?;
        ensure!(
            copied == size,
            "`{}` ends after {copied} of {size} bytes",
            path.display()
        );
        file.sync_all().with_context(context)?;
    }
    let mut rest = archive.into_inner();
    std::io::copy(
        &mut rest.by_ref().take(LONGEST_MEMBER_BYTES),
        &mut std::io::sink(),
    )
    .context(damaged)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{gzip, tar_of};
    use super::*;

    fn unpacked(archive: &[u8]) -> (Result<()>, Vec<(String, Vec<u8>)>) {
        let folder = tempfile::tempdir().unwrap();
        let (path, to) = (
            folder.path().join("a.tar.gz"),
            folder.path().join("deep/out"),
        );
        std::fs::create_dir_all(&to).unwrap();
        std::fs::write(&path, archive).unwrap();
        let result = unpack_members(&path, &|name| name == "a.bin" || name == "b.bin", &to);
        assert!(
            !folder.path().join("a.bin").exists(),
            "nothing outside the target"
        );
        assert!(
            !folder.path().join("deep/a.bin").exists(),
            "nothing outside the target"
        );
        let mut files: Vec<_> = std::fs::read_dir(&to)
            .unwrap()
            .map(|file| file.unwrap())
            .map(|file| {
                (
                    file.file_name().into_string().unwrap(),
                    std::fs::read(file.path()).unwrap(),
                )
            })
            .collect();
        files.sort();
        (result, files)
    }

    fn refusal(archive: &[u8]) -> String {
        format!("{:#}", unpacked(archive).0.unwrap_err())
    }

    #[test]
    fn only_named_members_are_taken_from_any_folder() {
        let members: [(&str, &[u8]); 3] = [
            ("set/a.bin", b"one"),
            ("set/readme.html", b"no"),
            ("./set/deep/b.bin", b"two"),
        ];
        let tar = tar_of(&members);
        let expected = [
            ("a.bin".to_owned(), b"one".to_vec()),
            ("b.bin".into(), b"two".to_vec()),
        ];
        for archive in [gzip(&tar), tar] {
            let (result, files) = unpacked(&archive);
            result.unwrap();
            assert_eq!(files, expected);
        }
    }

    #[test]
    fn paths_out_of_the_archive_are_refused() {
        for path in ["../a.bin", "set/../../a.bin", "/tmp/a.bin"] {
            let message = refusal(&gzip(&tar_of(&[(path, b"x")])));
            assert!(
                message.contains("points out of the archive"),
                "{path}: {message}"
            );
        }
    }

    #[test]
    fn links_and_repetitions_are_refused() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder
            .append_link(&mut header, "set/a.bin", "/etc/hostname")
            .unwrap();
        assert!(refusal(&gzip(&builder.into_inner().unwrap())).contains("is a link"));
        let twice = gzip(&tar_of(&[("x/a.bin", b"1"), ("y/a.bin", b"2")]));
        assert!(refusal(&twice).contains("more than once"));
    }

    #[test]
    fn damage_is_noticed_wherever_it_is() {
        let noise: Vec<u8> = (0..20_000_u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let whole = gzip(&tar_of(&[("a.bin", &noise), ("other", &noise)]));
        assert!(unpacked(&whole).0.is_ok());
        for kept in [20, whole.len() / 3, whole.len() * 2 / 3, whole.len() - 4] {
            assert!(refusal(&whole[..kept]).contains("cannot unpack"), "{kept}");
        }
        let mut flipped = whole.clone();
        let last_checksum_byte = whole.len() - 5;
        flipped[last_checksum_byte] ^= 1;
        assert!(refusal(&flipped).contains("cut short, damaged"));
        assert!(refusal(b"<html>not an archive</html>").contains("cannot unpack"));
    }
}
