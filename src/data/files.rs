//! Reading foreign files: gzip unpacked, checksums taken, sizes bounded.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::text::numbers::hexadecimal;

/// How files of packers begin that are not read here.
const PACKERS: [(&[u8], &str); 4] = [
    (b"PK\x03\x04", "zip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
];

/// A file while it is read. If it begins like gzip, what is compressed in it comes out. What is read is hashed.
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    reader: Box<dyn Read>,
    left: u64,
    most: u64,
    hasher: Sha256,
}

impl SourceFile {
    /// Opens a file; reading more than `most` bytes of it is an error.
    pub(super) fn open(path: &Path, most: u64) -> Result<SourceFile> {
        let context = || format!("cannot read {}", path.display());
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path).with_context(context)?);
        let begin = reader.fill_buf().with_context(context)?;
        if let Some((_, packer)) = PACKERS.iter().find(|(magic, _)| begin.starts_with(magic)) {
            bail!(
                "{} is packed with {packer}, which is not read here: unpack it and give the folder",
                path.display()
            );
        }
        let reader: Box<dyn Read> = match begin.starts_with(&[0x1f, 0x8b]) {
            true => Box::new(MultiGzDecoder::new(reader)),
            false => Box::new(reader),
        };
        Ok(SourceFile {
            path: path.to_owned(),
            reader,
            left: most,
            most,
            hasher: Sha256::new(),
        })
    }

    /// Reads all of it.
    pub(super) fn read_all(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.read_to_end(&mut bytes);
        read.with_context(|| format!("cannot read {}", self.path.display()))?;
        Ok(bytes)
    }

    /// Reads what is left and gives the SHA-256 of everything.
    pub(super) fn sha256(mut self) -> io::Result<String> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(hexadecimal(&self.hasher.finalize()))
    }
}

impl Read for SourceFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::other(format!(
                "it holds more than {} bytes, which this dataset never has",
                self.most
            ))
        })?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// SHA-256 of a file as it is on disk.
pub(super) fn file_sha256(path: &Path) -> Result<String> {
    let context = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(context)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).with_context(context)? {
            0 => return Ok(hexadecimal(&hasher.finalize())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, content).unwrap();
        file
    }

    #[test]
    fn the_checksum_is_sha_256_of_all_bytes_read_or_not() {
        let abc = file(b"abc");
        let mut source = SourceFile::open(abc.path(), 3).unwrap();
        source.read_exact(&mut [0]).unwrap();
        assert_eq!(source.sha256().unwrap(), ABC);
        assert_eq!(file_sha256(abc.path()).unwrap(), ABC);
        let source = SourceFile::open(abc.path(), 2).unwrap();
        assert!(
            source
                .sha256()
                .unwrap_err()
                .to_string()
                .contains("more than 2 bytes")
        );
    }

    #[test]
    fn other_packers_are_named() {
        for (begin, name) in [(&b"PK\x03\x04rest"[..], "zip"), (b"\xfd7zXZ\0rest", "xz")] {
            let packed = file(begin);
            let error = SourceFile::open(packed.path(), 100).err().unwrap();
            assert!(
                error.to_string().contains(&format!("packed with {name}")),
                "{error}"
            );
        }
    }
}
