//! Taking named files, and nothing else, out of a tar archive.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Component, Path};

use anyhow::{Context, Result, ensure};
use tar::{Archive, EntryType};

use crate::data::{CatalogueEntry, SourceFile};

/// Entries that only say more about the next one, such as a long name: names of datasets' files are short.
const REMARKS: [EntryType; 4] = [
    EntryType::GNULongName,
    EntryType::GNULongLink,
    EntryType::XHeader,
    EntryType::XGlobalHeader,
];

/// Unpacks the dataset's files from whatever folder of the archive into `to`.
///
/// Names on disk are those of the catalogue, so no member can be written elsewhere; an archive that tries is
/// refused as a whole. The archive is read to its end, so that gzip's own checksum is checked, but no further than a
/// dataset can be long, and no size that it claims is believed.
pub(super) fn unpack_members(archive: &Path, entry: &CatalogueEntry, to: &Path) -> Result<()> {
    unpack(archive, entry, to).with_context(|| format!("cannot unpack {}", archive.display()))
}

fn unpack(archive: &Path, entry: &CatalogueEntry, to: &Path) -> Result<()> {
    let mut archive = Archive::new(SourceFile::open(archive, entry.most_bytes())?);
    let (mut taken, mut others) = (BTreeSet::new(), BTreeSet::new());
    let damaged = "it is cut short, damaged, or no .tar.gz archive";
    // Raw: otherwise the content of a remark is read into memory, however long it is.
    for member in archive.entries().context(damaged)?.raw(true) {
        let mut member = member.context(damaged)?;
        let kind = member.header().entry_type();
        if REMARKS.contains(&kind) {
            continue;
        }
        let path = member.path().context(damaged)?.into_owned();
        let shown = path.display();
        let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        ensure!(
            path.components().all(inside),
            "its member `{shown}` points out of the archive; do not trust this file"
        );
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if !entry.is_file_name(name) {
            if entry.is_look_alike(name) {
                others.insert(name.to_owned());
            }
            continue;
        }
        ensure!(
            kind.is_file(),
            "its member `{shown}` is a link or a folder, not a file"
        );
        ensure!(
            taken.insert(name.to_owned()),
            "it holds `{name}` more than once"
        );
        let target = to.join(name);
        let context = || format!("cannot write {}", target.display());
        let mut file = File::create_new(&target).with_context(context)?;
        let size = member.size();
        let copied =
            io::copy(&mut member, &mut file).with_context(|| format!("unpacking `{shown}`"))?;
        ensure!(
            copied == size,
            "`{shown}` ends after {copied} of {size} bytes"
        );
        file.sync_all().with_context(context)?;
    }
    archive.into_inner().sha256().context(damaged)?;
    let other = entry.look_alike(|name| others.contains(name));
    ensure!(
        other.is_empty() || !taken.is_empty(),
        "it holds none of the files of this dataset{other}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{gzip, photos, tar_of};
    use super::*;

    fn entry() -> CatalogueEntry {
        CatalogueEntry {
            train_files: &["0  a.bin"],
            test_files: &["0  b.bin"],
            look_alikes: &["a.pickle: the Python version"],
            ..photos(&[])
        }
    }

    fn unpacked(archive: &[u8]) -> (Result<()>, Vec<(String, Vec<u8>)>) {
        let folder = tempfile::tempdir().unwrap();
        let (path, to) = (
            folder.path().join("a.tar.gz"),
            folder.path().join("deep/out"),
        );
        std::fs::create_dir_all(&to).unwrap();
        std::fs::write(&path, archive).unwrap();
        let result = unpack_members(&path, &entry(), &to);
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
    fn another_version_is_named() {
        let python = gzip(&tar_of(&[("py/a.pickle", b"1"), ("py/b.pickle", b"2")]));
        assert!(refusal(&python).contains("it holds a.pickle: the Python version"));
    }

    #[test]
    fn a_long_name_and_a_long_member_are_not_unpacked() {
        let zeros = vec![0; 3 << 20];
        for kind in [tar::EntryType::GNULongName, tar::EntryType::Regular] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(zeros.len() as u64);
            let mut builder = tar::Builder::new(Vec::new());
            builder
                .append_data(&mut header, "set/a.bin", zeros.as_slice())
                .unwrap();
            let message = refusal(&gzip(&builder.into_inner().unwrap()));
            assert!(
                message.contains("which this dataset never has"),
                "{message}"
            );
        }
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
