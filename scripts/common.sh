# shellcheck shell=bash
# What the scripts share; sourced, not run. Works with the bash 3.2 of macOS.

# The repository's folder: the one above scripts/.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
    say "$@"
    exit 1
}

# missing WHAT DEBIAN_PACKAGE [MACOS_HINT]: ends with one line that says how to get a tool.
missing() {
    if [ "$(uname -s)" = Darwin ]; then
        die "$1 is missing. Install it with: ${3:-brew install $2}"
    fi
    die "$1 is missing. Install the package $2: sudo apt install $2"
}

# Finds cargo where rustup puts it even if this shell's PATH does not know it yet.
find_cargo() {
    if ! command -v cargo >/dev/null && [ -x "${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo" ]; then
        PATH="${CARGO_HOME:-${HOME:-}/.cargo}/bin:$PATH"
        export PATH
    fi
    command -v cargo >/dev/null ||
        die "cargo (Rust) is missing. Install Rust $(rust_version) or newer from https://rustup.rs (package rustup on Debian 13 and Ubuntu 24.04, then: rustup default stable)"
}

# The oldest Rust that Cargo.toml admits.
rust_version() {
    sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$root/Cargo.toml"
}

# A distribution's cargo is often too old, and then complains about the lock file, not about its age.
check_rust_version() {
    local wanted have
    wanted=$(rust_version)
    have=$(cd "$root" && cargo --version | sed 's/^cargo \([0-9]*\.[0-9]*\).*/\1/')
    if [ "${have%%.*}" -lt "${wanted%%.*}" ] ||
        { [ "${have%%.*}" -eq "${wanted%%.*}" ] && [ "${have#*.}" -lt "${wanted#*.}" ]; }; then
        die "cargo is version $have, and normprop needs Rust $wanted. Run: rustup update stable (or get rustup from https://rustup.rs)"
    fi
}

# The tools that compile: a C++ compiler for torch-sys and src/nn/native.cpp, the linker driver cc, cargo.
check_build_tools() {
    command -v "${CXX:-c++}" >/dev/null || missing "The C++ compiler ${CXX:-c++}" g++ "xcode-select --install"
    command -v cc >/dev/null || missing "The linker driver cc" gcc "xcode-select --install"
    find_cargo
}

# A relative LIBTORCH means relative to the caller, while cargo's build scripts run elsewhere.
absolute_libtorch() {
    if [ -n "${LIBTORCH:-}" ] && [ -d "$LIBTORCH" ]; then
        LIBTORCH=$(cd "$LIBTORCH" && pwd -P)
        export LIBTORCH
    elif [ -z "${LIBTORCH:-}" ]; then
        # Set but empty would hide the value that .cargo/config.toml gives.
        unset LIBTORCH
    fi
}

# Builds normprop where it is not up to date; sets `binary`, its path. cargo, libtorch have to be there.
build_normprop() {
    local target quiet
    find_cargo
    # As cargo sees it: a relative target folder counts from the repository.
    target=${CARGO_TARGET_DIR:-target}
    case $target in
    /*) ;;
    *) target=$root/$target ;;
    esac
    binary=$target/release/normprop
    quiet=--quiet
    if [ ! -x "$binary" ]; then
        check_rust_version
        say "building (about 4 minutes the first time)"
        # On a terminal, show cargo's progress.
        if [ -t 2 ]; then quiet=""; fi
    fi
    # In the repository, because cargo reads .cargo/config.toml from the current folder upwards;
    # to the error stream, because the output stream belongs to normprop (--json).
    (cd "$root" && cargo build --release --locked --bin normprop $quiet) >&2 ||
        die "the build failed; scripts/setup --force renews libtorch, and README.md tells what is needed"
}
