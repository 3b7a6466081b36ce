//! The `normprop` program: parse, run, say once what went wrong, leave with a code that means something.

use std::process::ExitCode;

use normprop::error::exit_code;
use normprop::output::{arguments, lost_its_reader};
use normprop::text::shown;
use normprop::{commands, errln, panics};

/// What the loader calls before the libraries initialize themselves.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".preinit_array")]
static BEFORE_LIBRARIES: extern "C" fn() = refuse_a_folder_that_is_gone;

/// In a current folder that was deleted, libtorch's MKL ends the process with a message that does not name the reason,
/// before `main` begins.
#[cfg(target_os = "linux")]
extern "C" fn refuse_a_folder_that_is_gone() {
    const MESSAGE: &[u8] =
        b"normprop: the current folder is gone; change to another and try again\n";
    let mut folder = [0; libc::PATH_MAX as usize];
    // SAFETY: plain system calls on buffers of the lengths given; nothing of Rust's runtime is needed for them.
    unsafe {
        if libc::getcwd(folder.as_mut_ptr(), folder.len()).is_null()
            && *libc::__errno_location() == libc::ENOENT
        {
            libc::write(2, MESSAGE.as_ptr().cast(), MESSAGE.len());
            libc::_exit(1);
        }
    }
}

fn main() -> ExitCode {
    // The write that the limit of a file's length forbids fails then, and is told like any other that fails.
    // SAFETY: plain system call; no code of ours runs at the signal.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let cli = match commands::parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // It repeats arguments as they are.
            if arguments()
                .iter()
                .any(|argument| shown(argument) != *argument)
            {
                errln!("{}", error.render().to_string().trim_end());
            } else {
                // Printing help into a closed pipe is not a failure.
                let _ = error.print();
            }
            return ExitCode::from(code);
        }
    };
    match panics::caught(|| commands::run(cli)) {
        None => ExitCode::FAILURE,
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) if lost_its_reader(&error) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            errln!("normprop: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}
