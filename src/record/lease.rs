//! Who works in a folder, told through the file system alone, so that it holds across the hosts that share it.
//!
//! # The protocol
//!
//! Holders are numbered. The file `lease-<n>` belongs to holder n, who made it *exclusively*; it reads
//! `held by machine <id>`, and `free` once the holder has let go. No such file is ever deleted or made again, so
//! number n + 1 can be given away only once, whatever stale copy of the folder a host still has in its caches.
//! The holder looks at its file every 15 s and sets its modification time: the heartbeat. To take the folder, look at
//! the highest number:
//!
//! - there is none, or it is `free`: make the next one; who finds it made meanwhile starts over;
//! - it is held by this machine: the operating system's lock, which the caller took first, proves that the holder is
//!   dead; make the next one;
//! - it is empty: its maker was killed, or is about to write; watch it for 3 s;
//! - else watch it for 90 s by *this* host's clock. If it changed, the holder is alive, and the folder is refused; if
//!   not, make the next one and write `free` into the dead one's file. Times of two clocks are never compared, and a
//!   look that took longer than a beat (the file server hung, for the holder too) starts the watch over.
//!
//! A holder that was only asleep finds `free` in its own file at its next look. Before it writes anything more than
//! 45 s after its last look, it looks: see [`Lease::check`]. What remains is a holder that stalls between that and the
//! write itself for longer than the watch; the two then write the same bytes, a run being deterministic, and the next
//! start cuts what was doubled.
//!
//! # Which file systems this was reasoned for
//!
//! It needs exclusive creation that is atomic at the server, and that opening a file shows what was written before
//! its last closing elsewhere (close-to-open consistency). That holds for NFS 3 and 4 as Linux mounts it, for
//! Lustre, BeeGFS, CephFS and IBM Storage Scale (GPFS), and for any local file system. It does not for NFS 2, for
//! object stores mounted as folders, nor where attributes are cached beyond opening (NFS with `nocto`). Tried were
//! local file systems, with other machines played by tests.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::machine::machine_id;

/// What the names of lease files begin with; the holder's number follows.
pub const PREFIX: &str = "lease-";
const FREE: &str = "free\n";
/// Length of what a holder writes into its file.
pub const LINE_BYTES: usize = 33;

/// How often a holder beats, and how long a silent one is watched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// Between two beats.
    pub beat: Duration,
    /// Without a beat for so long, a holder is dead.
    pub expiry: Duration,
    /// A lease that stays empty for so long is nobody's: its maker was killed before writing to it.
    pub empty: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            beat: Duration::from_secs(15),
            expiry: Duration::from_secs(90),
            empty: Duration::from_secs(3),
        }
    }
}

/// A folder that nobody else works in, on any host, until the value is dropped.
pub struct Lease {
    holder: Arc<Holder>,
    stop: Option<Sender<()>>,
    beating: Option<JoinHandle<()>>,
}

impl Lease {
    /// Takes the lease of `folder`; `None` when another holder is alive.
    ///
    /// With `locked`, the caller holds the operating system's lock of the folder: a holder on this machine is dead.
    pub fn take(folder: &Path, locked: bool) -> io::Result<Option<Lease>> {
        let machine = locked.then(machine_id);
        Lease::take_as(folder, machine.as_deref(), Timing::default())
    }

    /// [`Lease::take`] on the machine of that name, or on one that vouches for nobody.
    pub fn take_as(
        folder: &Path,
        machine: Option<&str>,
        timing: Timing,
    ) -> io::Result<Option<Lease>> {
        let line = format!("held by machine {}\n", machine.unwrap_or("unknown"));
        loop {
            let last = highest(folder)?;
            let before = last.map(|number| path(folder, number));
            if let Some(before) = &before
                && !is_free(before, machine.map(|_| line.as_str()), timing)?
            {
                return Ok(None);
            }
            let number = last.unwrap_or(0).checked_add(1).ok_or_else(|| {
                io::Error::other(format!(
                    "no number comes after that of {}, which no normprop made: delete that file",
                    path(folder, u64::MAX).display()
                ))
            })?;
            let next = path(folder, number);
            let mut file = match File::create_new(&next) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                made => made?,
            };
            file.write_all(line.as_bytes()).inspect_err(|_| {
                // An empty lease would be watched in vain. Nobody has held it, so its number may be given again.
                let _ = std::fs::remove_file(&next);
            })?;
            if highest(folder)? != Some(number) {
                // It was empty for too long, and another process has taken the folder meanwhile.
                continue;
            }
            if let Some(before) = before {
                // Tells the one before, should it be asleep rather than dead.
                std::fs::write(before, FREE)?;
            }
            return Ok(Some(Lease::start(next, line, timing)));
        }
    }

    fn start(path: PathBuf, line: String, timing: Timing) -> Lease {
        let holder = Arc::new(Holder {
            path,
            line,
            expiry: timing.expiry,
            last_look: Mutex::new(Some(Instant::now())),
        });
        let (stop, stopped) = channel::<()>();
        let heart = holder.clone();
        let beating = std::thread::spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(timing.beat) {
                // A beat that fails is missed; whether that matters is found before the next write.
                let _ = heart.beat();
            }
        });
        Lease {
            holder,
            stop: Some(stop),
            beating: Some(beating),
        }
    }

    /// Fails when the lease was lost to another; looks at the file only when the last look is long ago.
    pub fn check(&self) -> io::Result<()> {
        self.holder.check()
    }

    /// Makes the next check look at the file, as a long time without beats does.
    #[cfg(test)]
    pub(super) fn look_at_next_check(&self) {
        // The clock may be younger than that.
        if let Some(long_ago) = Instant::now().checked_sub(self.holder.expiry) {
            *self.holder.last_look() = Some(long_ago);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Without a sender the thread's waiting ends.
        self.stop = None;
        if let Some(beating) = self.beating.take() {
            let _ = beating.join();
        }
        if self.holder.check().is_ok() {
            // Where this fails, the next holder has to watch this one for a while.
            let _ = std::fs::write(&self.holder.path, FREE);
        }
    }
}

/// The holder's own view of its lease.
#[derive(Debug)]
struct Holder {
    path: PathBuf,
    line: String,
    expiry: Duration,
    /// When the file was last seen to be ours; `None` once it was lost.
    last_look: Mutex<Option<Instant>>,
}

impl Holder {
    /// See [`Lease::check`].
    fn check(&self) -> io::Result<()> {
        // Copied, so that a beat can note its look.
        let last_look = *self.last_look();
        match last_look {
            None => Err(lost_error()),
            Some(looked) if looked.elapsed() > self.expiry / 2 => self.beat(),
            Some(_) => Ok(()),
        }
    }

    /// Looks whether the file is still ours, and shows that we are alive.
    fn beat(&self) -> io::Result<()> {
        let looked = Instant::now();
        let mut file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        if text != self.line.as_bytes() {
            *self.last_look() = None;
            return Err(lost_error());
        }
        file.set_modified(SystemTime::now())?;
        // What is lost stays so.
        let mut last_look = self.last_look();
        *last_look = last_look.map(|_| looked);
        Ok(())
    }

    fn last_look(&self) -> MutexGuard<'_, Option<Instant>> {
        let locked = self.last_look.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }
}

fn lost_error() -> io::Error {
    io::Error::new(
        ErrorKind::ResourceBusy,
        "another process took the folder over, because this one gave no sign of life for too long",
    )
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{number}"))
}

/// Whether a file of this name is a lease.
pub fn is_lease_name(name: &str) -> bool {
    number_of(name).is_some()
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// The highest number that a holder had.
fn highest(folder: &Path) -> io::Result<Option<u64>> {
    let mut highest = None;
    for entry in std::fs::read_dir(folder)? {
        highest = highest.max(number_of(&entry?.file_name().to_string_lossy()));
    }
    Ok(highest)
}

/// Whether the lease at `path` is free, or its holder dead: at once when it reads `ours`, else after watching it.
fn is_free(path: &Path, ours: Option<&str>, timing: Timing) -> io::Result<bool> {
    let first = look(path)?;
    if first.0 == FREE || ours == Some(first.0.as_str()) {
        return Ok(true);
    }
    let is_empty = first.0.is_empty();
    let (whose, expiry) = match is_empty {
        true => ("is empty, as a kill leaves it", timing.empty),
        false => ("belongs to another machine", timing.expiry),
    };
    crate::errln!(
        "normprop: {} {whose}; watching for up to {} s whether its holder is alive",
        path.display(),
        expiry.as_secs()
    );
    let mut since = Instant::now();
    while since.elapsed() < expiry {
        std::thread::sleep(expiry.min(timing.beat) / 3);
        let begun = Instant::now();
        let seen = look(path)?;
        if seen.0 == FREE {
            return Ok(true);
        }
        // Empty, it is just being written; the next look tells what.
        if seen != first && !seen.0.is_empty() {
            return Ok(false);
        }
        if begun.elapsed() > timing.beat {
            since = Instant::now();
        }
    }
    Ok(true)
}

/// Text and time of a lease, as the file server has them: opening the file again passes by this host's caches.
fn look(path: &Path) -> io::Result<(String, SystemTime)> {
    let mut file = File::open(path)?;
    let modified = file.metadata()?.modified()?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    // What is no text is nobody's claim that could be read: it is watched like any other.
    Ok((String::from_utf8_lossy(&text).into_owned(), modified))
}

#[cfg(test)]
mod tests;
