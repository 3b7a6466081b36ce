//! Ctrl-C, SIGTERM, the loss of the terminal (SIGHUP) and what a scheduler or a limit sends before the end (SIGUSR1,
//! SIGUSR2, SIGXCPU): the first asks the loop to save and stop, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
use signal_hook::flag;

/// Whether a signal has come, and which.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Listens for these signals from now on.
    pub fn listen() -> Result<Interrupt> {
        // Shared, so that Ctrl-C after a SIGTERM that takes too long ends the process too.
        let seen = Arc::new(AtomicBool::new(false));
        for signal in wanted() {
            // Order matters: the shutdown looks at `seen` before the next line sets it.
            flag::register_conditional_shutdown(signal, 128 + signal, seen.clone())
                .and_then(|_| flag::register(signal, seen.clone()))
                .context("cannot listen for signals")?;
        }
        Interrupt::listen_patiently()
    }

    /// Listens for the same signals; any number of them is one request to save and stop.
    ///
    /// For a process that several may ask: a scheduler signals parent and child, and the parent hands it on.
    pub fn listen_patiently() -> Result<Interrupt> {
        let interrupt = Interrupt::default();
        for signal in wanted() {
            flag::register_usize(signal, interrupt.signal.clone(), signal as usize)
                .context("cannot listen for signals")?;
        }
        Ok(interrupt)
    }

    /// The signal that came, if one did.
    pub fn signal(&self) -> Option<i32> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(signal as i32),
        }
    }

    /// Acts as if `signal` had come.
    #[cfg(test)]
    pub fn raise(&self, signal: i32) {
        self.signal.store(signal as usize, Ordering::Relaxed);
    }
}

/// The signals that ask to save and stop. Where SIGHUP is ignored, as under nohup, the work is to outlive
/// the terminal.
fn wanted() -> impl Iterator<Item = i32> {
    let all = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU];
    let ignored = |signal: i32| signal == SIGHUP && is_ignored(signal);
    all.into_iter().filter(move |&signal| !ignored(signal))
}

fn is_ignored(signal: i32) -> bool {
    // SAFETY: all zeros are a valid `sigaction`; given no new action, the call only writes the present one there.
    unsafe {
        let mut present: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut present) == 0
            && present.sa_sigaction == libc::SIG_IGN
    }
}
