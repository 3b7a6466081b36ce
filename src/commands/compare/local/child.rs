//! Children of this process: what they write, and how they are ended.

use std::io::{BufRead, BufReader, Read};
#[cfg(target_os = "linux")]
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

/// A line that the child of a job wrote.
pub struct ChildLine {
    /// The job.
    pub job: usize,
    /// Whether it stood on stderr.
    pub is_stderr: bool,
    /// The line.
    pub text: String,
}

/// Asks the system to send the child SIGTERM, upon which it saves and ends, when this process dies of whatever.
#[cfg(target_os = "linux")]
pub fn end_with_parent(command: &mut Command) {
    // SAFETY: prctl with these arguments only sets an attribute of the calling process, needs no memory of the
    // parent, and is safe to call between fork and exec.
    unsafe {
        command.pre_exec(
            || match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            },
        );
    }
}

/// Elsewhere a child whose parent was killed goes on to its end; its lock keeps a second one away.
#[cfg(not(target_os = "linux"))]
pub fn end_with_parent(_command: &mut Command) {}

/// Asks the child to save and end.
pub fn terminate(child: &Child) {
    if let Ok(id) = libc::pid_t::try_from(child.id()) {
        // SAFETY: sends a signal to our own child, which has not been waited for, so that its id is still its own.
        // That it may have just ended is no harm.
        unsafe {
            libc::kill(id, libc::SIGTERM);
        }
    }
}

/// Hands on each line that the child of a job writes, in a thread that ends with them.
pub fn read_lines(
    from: impl Read + Send + 'static,
    job: usize,
    is_stderr: bool,
    sender: &Sender<ChildLine>,
) -> JoinHandle<()> {
    let sender = sender.clone();
    std::thread::spawn(move || {
        for text in BufReader::new(from).lines().map_while(Result::ok) {
            let line = ChildLine {
                job,
                is_stderr,
                text,
            };
            if sender.send(line).is_err() {
                return;
            }
        }
    })
}
