//! Memory of this process, as the system tells it.

use tch::Device;

use super::libtorch;

/// Resident memory in MB (10⁶ bytes), NaN where the system does not say.
pub fn resident_mb() -> f64 {
    status_mb("VmRSS:")
}

/// The most that was ever resident, in MB, NaN where the system does not say.
pub fn peak_resident_mb() -> f64 {
    status_mb("VmHWM:")
}

/// Resets the peak to what is resident now; says whether the system can.
pub fn reset_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// Memory that tensors take on a CUDA device, in MB: now, and at most since [`reset_device_peak`]; NaN elsewhere.
pub fn device_mb(device: Device) -> (f64, f64) {
    let bytes = cuda_index(device).and_then(libtorch::device_bytes);
    bytes.map_or((f64::NAN, f64::NAN), |(now, peak)| {
        (now as f64 / 1e6, peak as f64 / 1e6)
    })
}

/// Resets the peak of a CUDA device to what tensors take there now.
pub fn reset_device_peak(device: Device) {
    if let Some(index) = cuda_index(device) {
        libtorch::reset_device_peak(index);
    }
}

fn cuda_index(device: Device) -> Option<usize> {
    match device {
        Device::Cuda(index) => Some(index),
        _ => None,
    }
}

/// Keeps memory that is freed for what comes next, for a process that trains: every step needs the same again.
///
/// glibc gives large tensors back to the system as soon as they are freed and asks for them again in the next step, page by
/// page, which costs a training step on the CPU a tenth of its time and more. Memory then stays at its peak, which it
/// reaches in the first steps. Other systems and allocators are left as they are.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only sets parameters of the allocator; both are documented and take any non-negative number.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
    }
}

fn status_mb(key: &str) -> f64 {
    let Ok(text) = std::fs::read_to_string("/proc/self/status") else {
        return f64::NAN;
    };
    let rest = text.lines().find_map(|line| line.strip_prefix(key));
    let number = rest.and_then(|rest| rest.split_whitespace().next());
    let kilobytes = number.and_then(|number| number.parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kb| kb * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
    fn what_was_touched_is_seen_at_the_peak() {
        let block = vec![1_u8; 300_000_000];
        assert!(block.iter().step_by(4096).all(|&byte| byte == 1));
        let with_block = resident_mb();
        assert!(with_block > 280.0, "{with_block}");
        drop(block);
        let peak = peak_resident_mb();
        assert!(peak > with_block - 20.0, "{peak} after {with_block}");
    }
}
