//! Ctrl-C and SIGTERM: the first asks the loop to save and stop, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether a signal has come, and which.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Listens for SIGINT and SIGTERM from now on.
    pub fn listen() -> Result<Interrupt> {
        // Shared, so that Ctrl-C after a SIGTERM that takes too long ends the process too.
        let seen = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Order matters: the shutdown looks at `seen` before the next line sets it.
            flag::register_conditional_shutdown(signal, 128 + signal, seen.clone())
                .and_then(|_| flag::register(signal, seen.clone()))
                .context("cannot listen for Ctrl-C and SIGTERM")?;
        }
        Interrupt::listen_patiently(&[])
    }

    /// Listens for SIGINT, SIGTERM and `more`; any number of them is one request to save and stop.
    ///
    /// For a process that several may ask: a terminal or a scheduler signals parent and child, and the parent hands
    /// it on.
    pub fn listen_patiently(more: &[i32]) -> Result<Interrupt> {
        let interrupt = Interrupt::default();
        for &signal in [SIGINT, SIGTERM].iter().chain(more) {
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

    /// Acts as if `signal` had come: for tests.
    pub fn raise(&self, signal: i32) {
        self.signal.store(signal as usize, Ordering::Relaxed);
    }
}
