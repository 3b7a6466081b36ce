//! A folder held by one process at a time: by the operating system's lock, and by a lease for other hosts.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use thiserror::Error;

use super::files;
use super::lease::{LINE_BYTES, Lease};

/// Name of the empty file on which the lock lies. It stays: deleting it would let two processes hold two locks.
pub const LOCK: &str = "lock";

/// Another process holds the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("another process{} is working in it", if *.elsewhere { " on another machine" } else { "" })]
pub struct Taken {
    /// Whether that is on another machine.
    pub elsewhere: bool,
}

/// The lock alone, which no other process of this machine can have.
pub struct Lock {
    /// The operating system releases the lock with the file, whatever ends the process.
    file: File,
    /// Whether the file system has locks at all.
    works: bool,
}

impl Lock {
    /// Takes the lock of a folder that is there; an error that is [`Taken`] when another process has it.
    pub fn take(folder: &Path) -> Result<Lock> {
        let path = folder.join(LOCK);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| files::write_failure(error, &path, None))?;
        let works = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => return Err(Taken { elsewhere: false }.into()),
            // The lease alone has to do then.
            Err(TryLockError::Error(error)) if has_no_locks(&error) => false,
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        };
        Ok(Lock { file, works })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child process that is just being started and has not yet closed
        // its copies of our files. Where this fails, closing has to do.
        let _ = self.file.unlock();
    }
}

/// Whether the error means that the file system keeps no locks, as Lustre without `flock` and NFS without lock daemon.
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
        || [libc::ENOLCK, libc::ENOSYS, libc::EOPNOTSUPP]
            .iter()
            .any(|code| error.raw_os_error() == Some(*code))
}

/// A folder that this process alone works in, until the value is dropped.
pub struct Hold {
    // Dropped in this order: the lease says that it is free before the lock lets the next process look.
    pub(super) lease: Lease,
    _lock: Lock,
}

impl Hold {
    /// Takes a folder that is there; an error that is [`Taken`] when another process has it.
    pub fn take(folder: &Path) -> Result<Hold> {
        let lock = Lock::take(folder)?;
        let lease = Lease::take(folder, lock.works).map_err(|error| {
            files::write_failure(error, &folder.join("lease"), Some(LINE_BYTES))
        })?;
        match lease {
            Some(lease) => Ok(Hold { lease, _lock: lock }),
            None => Err(Taken { elsewhere: true }.into()),
        }
    }

    /// Fails when the folder was lost to another process.
    pub fn check(&self) -> io::Result<()> {
        self.lease.check()
    }
}
