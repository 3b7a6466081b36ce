//! Compiles the device once for each version of its source, and loads it into this process.

use std::ffi::{CStr, CString, c_char, c_int, c_longlong, c_ulong, c_void};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

/// The source.
const SOURCE: &str = include_str!("device.cpp");

/// What is counted, in the order of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Operations that ran on the device, copies within it among them.
    pub operations: i64,
    /// Numbers that the host waited for, and waits for all that was begun.
    pub waits: i64,
    /// Copies to the host, each of which waits.
    pub to_host: i64,
    /// Copies to the device from memory that is not pinned.
    pub to_device: i64,
    /// Operations that were refused since their operands were on two devices.
    pub mixed: i64,
}

impl Counts {
    /// What came on top of an earlier count.
    pub fn since(self, earlier: Counts) -> Counts {
        Counts {
            operations: self.operations - earlier.operations,
            waits: self.waits - earlier.waits,
            to_host: self.to_host - earlier.to_host,
            to_device: self.to_device - earlier.to_device,
            mixed: self.mixed - earlier.mixed,
        }
    }
}

/// The device, in this process.
pub struct TestDevice {
    count: extern "C" fn(c_int) -> c_longlong,
    reset: extern "C" fn(),
    tell: extern "C" fn(*mut c_char, c_ulong),
}

/// The compiled library; nothing where libtorch has CUDA of its own, for which the device cannot stand in.
static LIBRARY: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let folder = libtorch_folder();
    if folder.join("libtorch_cuda.so").exists() {
        eprintln!(
            "skipped: this libtorch has CUDA, and the test device stands in for it only where there is none"
        );
        return None;
    }
    Some(compiled(&folder))
});
static DEVICE: LazyLock<Option<TestDevice>> = LazyLock::new(|| LIBRARY.as_deref().map(loaded));
/// One test at a time has the device: counts are the whole process's.
static TURN: Mutex<()> = Mutex::new(());

impl TestDevice {
    /// The device, for the caller alone; nothing where the test is skipped.
    pub fn alone() -> Option<(&'static TestDevice, MutexGuard<'static, ()>)> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // Loaded before libtorch is first used, which then looks once for the devices that there are.
        let device = DEVICE.as_ref()?;
        // Tensors here are so small that two threads would mostly wait for each other.
        tch::set_num_threads(1);
        (device.reset)();
        Some((device, turn))
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        let [operations, waits, to_host, to_device, mixed] =
            [0, 1, 2, 3, 4].map(|what| (self.count)(what));
        Counts {
            operations,
            waits,
            to_host,
            to_device,
            mixed,
        }
    }

    /// The same in words, by operation.
    pub fn tell(&self) -> String {
        let mut text = vec![0_u8; 1 << 16];
        (self.tell)(text.as_mut_ptr().cast(), text.len() as c_ulong);
        let text = CStr::from_bytes_until_nul(&text).unwrap();
        text.to_string_lossy().into_owned()
    }
}

/// The library's path, for a program that is started with it.
pub fn library() -> Option<&'static Path> {
    LIBRARY.as_deref()
}

/// The folder of the libtorch in this process.
fn libtorch_folder() -> PathBuf {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.ends_with("/libtorch_cpu.so"));
    let line = line.expect("this program is linked with libtorch");
    let path = Path::new(&line[line.find('/').unwrap()..]);
    path.parent().unwrap().to_path_buf()
}

/// Compiles the source against that libtorch, unless that was done.
fn compiled(libtorch: &Path) -> PathBuf {
    let about = format!("{SOURCE}\n{}", libtorch.display());
    let digest = Sha256::digest(about.as_bytes());
    let name: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = folder.join(format!("test-device-{name}.so"));
    if library.exists() {
        return library;
    }
    let include = match std::env::var_os("LIBTORCH_INCLUDE") {
        Some(folder) => PathBuf::from(folder).join("include"),
        None => libtorch.with_file_name("include"),
    };
    let unfinished = folder.join(format!("test-device-{name}-{}.so", std::process::id()));
    let output = Command::new(std::env::var_os("CXX").unwrap_or_else(|| "c++".into()))
        .args([
            "-std=c++17",
            "-O1",
            "-shared",
            "-fPIC",
            "-D_GLIBCXX_USE_CXX11_ABI=1",
        ])
        .arg("-isystem")
        .arg(&include)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/test_device/device.cpp"
        ))
        .arg("-o")
        .arg(&unfinished)
        .arg(format!("-L{}", libtorch.display()))
        .args(["-ltorch_cpu", "-lc10"])
        .arg(format!("-Wl,-rpath,{}", libtorch.display()))
        .output()
        .expect("a C++ compiler, which libtorch's Rust side needs too");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "compiling the test device:\n{said}"
    );
    fs::rename(&unfinished, &library).unwrap();
    library
}

fn loaded(library: &Path) -> TestDevice {
    let path = CString::new(library.to_str().unwrap()).unwrap();
    // SAFETY: the library's initializers register with libtorch, which does not use them yet.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    if handle.is_null() {
        // SAFETY: after a failure it is a string.
        panic!("{:?}", unsafe { CStr::from_ptr(libc::dlerror()) });
    }
    let find = |name: &CStr| -> *mut c_void {
        // SAFETY: the handle is that of a loaded library.
        let found = unsafe { libc::dlsym(handle, name.as_ptr()) };
        assert!(!found.is_null(), "{name:?}");
        found
    };
    // SAFETY: these are the functions of the source, with these arguments; the library stays loaded.
    unsafe {
        TestDevice {
            count: std::mem::transmute::<*mut c_void, extern "C" fn(c_int) -> c_longlong>(find(
                c"test_device_count",
            )),
            reset: std::mem::transmute::<*mut c_void, extern "C" fn()>(find(c"test_device_reset")),
            tell: std::mem::transmute::<*mut c_void, extern "C" fn(*mut c_char, c_ulong)>(find(
                c"test_device_tell",
            )),
        }
    }
}
