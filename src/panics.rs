//! What is said where the program breaks off: one paragraph in place of a panic's own words.
//!
//! tch turns whatever libtorch refuses into a panic, running out of memory among it, so that panics do come to users.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::sync::OnceLock;

use crate::errln;

/// How tch's panics name an error of libtorch; what libtorch said follows, as a Rust string.
const TORCH: &str = "Torch(\"";
/// Words in which libtorch and the C++ library say that memory is used up, in lower case.
const OUT_OF_MEMORY: &[&str] = &[
    "allocate memory",
    "out of memory",
    "bad_alloc",
    "alloc_failed",
];
/// Words in which a GPU's libraries say anything, in lower case.
const OF_GPU: &[&str] = &["cuda", "cudnn", "cublas"];

/// Does `work`; where it panics says what happened and gives nothing.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    // The first panic tells the reason; others follow from it.
    static REASON: OnceLock<String> = OnceLock::new();
    set_hook(Box::new(|panic| {
        let _ = REASON.set(explain(&message(panic)));
    }));
    // Nothing that `work` may have left half done is used again.
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    if done.is_none() {
        errln!(
            "normprop: {}",
            REASON
                .get()
                .map_or("stopped for no known reason", String::as_str)
        );
    }
    done
}

fn message(panic: &PanicHookInfo) -> String {
    let said = panic.payload_as_str().unwrap_or("no message");
    match panic.location() {
        Some(place) => format!("{said} ({}:{})", place.file(), place.line()),
        None => said.to_owned(),
    }
}

/// What happened and what to do, in one paragraph.
fn explain(message: &str) -> String {
    let kept = "what was recorded until then is kept";
    let Some(said) = said_by_torch(message) else {
        return format!(
            "a mistake in the program stopped it: {message}; {kept}; please report this with the command that you gave"
        );
    };
    let lower = said.to_lowercase();
    if OUT_OF_MEMORY.iter().any(|words| lower.contains(words)) {
        if OF_GPU.iter().any(|words| lower.contains(words)) {
            return format!(
                "the memory of the GPU does not suffice: libtorch says: {said}; {kept}; a smaller --batch-size or --width needs less, and fewer --jobs of compare leave more to each"
            );
        }
        return format!(
            "there is not enough memory: libtorch says: {said}; {kept}; a smaller --batch-size or --width needs less"
        );
    }
    format!(
        "libtorch could not compute this: {said}; {kept}; `normprop doctor` tells whether libtorch works here at all"
    )
}

/// What libtorch said, without the list of its functions that it puts behind.
fn said_by_torch(message: &str) -> Option<String> {
    let (_, said) = message.split_once(TORCH)?;
    let end = said.find("\\n").or_else(|| said.rfind("\")"));
    let said = &said[..end.unwrap_or(said.len())];
    Some(said.replace("\\\"", "\"").replace("\\'", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = r#"called `Result::unwrap()` on an `Err` value: Torch("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 963379200 bytes.\nframe #0: c10::ThrowEnforceNotMet(char const*)\n") (tch/src/wrappers/scalar.rs:58)"#;

    #[test]
    fn want_of_memory_is_told_in_one_line_with_what_needs_less() {
        let text = explain(REFUSED);
        assert!(
            text.contains("can't allocate memory: you tried to allocate 963379200 bytes.; "),
            "{text}"
        );
        assert!(text.contains("smaller --batch-size or --width"), "{text}");
        assert!(
            !text.contains("frame") && !text.contains("unwrap"),
            "{text}"
        );
    }

    #[test]
    fn want_of_a_gpu_s_memory_is_told_apart() {
        for said in [
            "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.15 GiB",
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
            "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        ] {
            let text = explain(&format!("x: Torch(\"{said}\\nframe #0: a\") (a.rs:1)"));
            let begin = format!("the memory of the GPU does not suffice: libtorch says: {said}; ");
            assert!(text.starts_with(&begin), "{text}");
            assert!(
                text.contains("--batch-size") && text.contains("--jobs"),
                "{text}"
            );
        }
    }

    #[test]
    fn other_refusals_and_our_own_mistakes_are_told_apart() {
        let text = explain(r#"x: Torch("a \"kernel\" is missing") (a.rs:1)"#);
        assert!(
            text.starts_with("libtorch could not compute this: a \"kernel\" is missing; "),
            "{text}"
        );
        let text = explain("index out of bounds (src/a.rs:1)");
        assert!(
            text.contains("index out of bounds (src/a.rs:1)") && text.contains("please report"),
            "{text}"
        );
    }
}
