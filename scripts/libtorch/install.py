"""Makes ROOT/.libtorch from the pinned PyPI wheels of PyTorch: install.py [--cuda] ROOT.

Called by scripts/setup when something is missing. .libtorch is never half-made: downloads go to
.libtorch.download/, unpacking to .libtorch.partial/, and a rename comes last. pins.json lists the wheels of
each platform, their SHA-256 and the files to take from them (NORMPROP_SETUP_PINS names another table). A CPU
build needs no CUDA, but libtorch_cpu.so of the Linux wheels requires two CUDA run-time libraries, hence the
two small NVIDIA wheels.
"""

import argparse
import errno
import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile

from fetch import Index, SetupError, fetch, say, size_bytes

# Measured on Linux x86_64, besides the PyTorch wheel: 486 MB unpacked; with CUDA 3.7 GB, and pip's downloads.
CPU_BYTES = 510_000_000
CUDA_BYTES = 6_000_000_000
HEADERS = "torch/include/"


def load_pins():
    """The wheels of this platform."""
    path = os.environ.get("NORMPROP_SETUP_PINS") or os.path.join(os.path.dirname(__file__), "pins.json")
    with open(path, encoding="utf-8") as file:
        pins = json.load(file)
    machine = f"{sys.platform}-{platform.machine()}"
    if machine not in pins:
        raise SetupError(f"there is no libtorch wheel for {machine} (only for {', '.join(pins)}). "
                         "Install libtorch 2.13 by hand and set LIBTORCH to its folder.")
    if sys.platform == "linux":
        try:
            library = os.confstr("CS_GNU_LIBC_VERSION") or ""
        except ValueError:
            library = ""
        if tuple(map(int, library.replace("glibc ", "").split(".") if library else (0,))) < (2, 28):
            raise SetupError(f"PyTorch's wheels need glibc 2.28 or newer; this system has {library or 'none'}. "
                             "Build libtorch 2.13 by hand and set LIBTORCH to its folder.")
    return pins[machine]


def check_space(root, downloads, wheels, cuda):
    """Stops early if the disk has too little space."""
    missing = sum(wheel["size_bytes"] for wheel in wheels)
    for wheel in wheels:
        path = os.path.join(downloads, wheel["file"])
        missing -= min(wheel["size_bytes"], max(size_bytes(path), size_bytes(path + ".part")))
    needed = missing + (CUDA_BYTES if cuda else CPU_BYTES)
    free = shutil.disk_usage(root).free
    if free < needed:
        raise SetupError(f"{root} has {free / 1e9:.1f} GB free, and unpacking libtorch needs {needed / 1e9:.1f} GB. "
                         "Free some space, or set LIBTORCH to a libtorch elsewhere.")


def unpack(path, take, place):
    """Writes the members of the wheel that `take` names (folders end in /) to place(member)."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and ".." not in name.split("/")]
        for wanted in take:
            found = [name for name in names if name == wanted or (wanted.endswith("/") and name.startswith(wanted))]
            if not found:
                raise SetupError(f"{os.path.basename(path)} holds no {wanted}; the table of wheels is wrong.")
            for name in found:
                target = place(name)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with archive.open(name) as source, open(target, "wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)


def install_cpu(wheels, paths, folder):
    """Fills lib/ with the few libraries that the CPU build needs, and include/."""
    def place(name):
        if name.startswith(HEADERS):
            return os.path.join(folder, "include", name[len(HEADERS):])
        return os.path.join(folder, "lib", os.path.basename(name))

    for wheel, path in zip(wheels, paths):
        unpack(path, wheel["take"], place)
    if sys.platform == "linux":
        # The wheel's own libtorch.so requires libtorch_cuda.so; it only loads the two together.
        with open(os.path.join(folder, "lib", "libtorch.so"), "w", encoding="ascii") as file:
            file.write("INPUT(-ltorch_cpu)\n")


def install_cuda(torch_wheel, folder, downloads):
    """The whole wheel beside its CUDA packages, in pip's layout, with links to lib/ and include/."""
    packages = os.path.join(folder, "packages")
    unpack(torch_wheel, ["torch/lib/", HEADERS], lambda name: os.path.join(packages, name))
    with zipfile.ZipFile(torch_wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        fields = archive.read(metadata).decode("utf-8").splitlines()
    wanted = [field.split(":", 1)[1].split(";")[0].strip() for field in fields
              if field.startswith(("Requires-Dist: nvidia-", "Requires-Dist: cuda-toolkit"))]
    say("installing " + " ".join(wanted))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:", "--no-compile",
               "--target", packages] + wanted
    # pip's temporary folder takes gigabytes; /tmp is often too small or slow.
    environment = dict(os.environ, TMPDIR=downloads, PIP_ROOT_USER_ACTION="ignore")
    if subprocess.run(command, stdout=sys.stderr, env=environment, check=False).returncode:
        raise SetupError("pip could not install the CUDA packages; see its message above. Then run this "
                         "again: the PyTorch wheel is kept.")
    for name in ("lib", "include"):
        os.symlink(os.path.join("packages", "torch", name), os.path.join(folder, name))


def write_record(wheels, folder, kind):
    """normprop-setup.txt: what was installed, and the files that scripts/setup looks for later."""
    lines = [f"version {wheels[0]['file'].split('-')[1]}", f"kind {kind}"]
    lines += [f"wheel {wheel['file']} sha256 {wheel['sha256']}" for wheel in wheels]
    lines += [f"file lib/{name}" for name in sorted(os.listdir(os.path.join(folder, "lib")))
              if os.path.isfile(os.path.join(folder, "lib", name))]
    with open(os.path.join(folder, "normprop-setup.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def kind_of(folder):
    try:
        with open(os.path.join(folder, "normprop-setup.txt"), encoding="utf-8") as file:
            return next((line.split()[1] for line in file if line.startswith("kind ")), None)
    except FileNotFoundError:
        return None


def remove(path):
    if os.path.islink(path):
        os.remove(path)
    elif os.path.exists(path):
        shutil.rmtree(path)


def put_in_place(root, partial):
    """Renames the finished folder to .libtorch and removes an older one."""
    final, old = os.path.join(root, ".libtorch"), os.path.join(root, ".libtorch.old")
    remove(old)
    if os.path.lexists(final):
        os.rename(final, old)
    os.rename(partial, final)
    remove(old)


def install(root, cuda):
    wheels = load_pins()
    if cuda:
        if sys.platform != "linux":
            raise SetupError("--cuda works on Linux only.")
        wheels = wheels[:1]
    downloads, partial = os.path.join(root, ".libtorch.download"), os.path.join(root, ".libtorch.partial")
    remove(partial)
    check_space(root, downloads, wheels, cuda)
    os.makedirs(downloads, exist_ok=True)
    index = Index()
    paths = [fetch(index, wheel, downloads) for wheel in wheels]
    say("unpacking libtorch")
    os.makedirs(partial)
    if cuda:
        install_cuda(paths[0], partial, downloads)
    else:
        install_cpu(wheels, paths, partial)
    if sys.platform == "linux":
        # torch-sys links with -lgomp, which looks for this name.
        os.symlink("libgomp.so.1", os.path.join(partial, "lib", "libgomp.so"))
    kind = "cuda" if cuda else "cpu"
    write_record(wheels, partial, kind)
    before = kind_of(os.path.join(root, ".libtorch"))
    put_in_place(root, partial)
    remove(downloads)
    if before not in (None, kind):
        # Cargo does not watch .libtorch/ and would go on linking the old libraries.
        for profile in ([], ["--release"]):
            subprocess.run(["cargo", "clean", "--quiet", "-p", "torch-sys", *profile], cwd=root, check=False)
    say(f"libtorch {wheels[0]['file'].split('-')[1]} ({kind}) is in {os.path.join(root, '.libtorch')}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cuda", action="store_true")
    parser.add_argument("root")
    arguments = parser.parse_args()
    folder = os.open(arguments.root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another set-up is running in this folder; waiting for it")
        fcntl.flock(folder, fcntl.LOCK_EX)
        if kind_of(os.path.join(arguments.root, ".libtorch")) == ("cuda" if arguments.cuda else "cpu"):
            return
    except OSError:
        # Some network file systems cannot lock a folder; two set-ups at once are unlikely.
        pass
    install(arguments.root, arguments.cuda)


if __name__ == "__main__":
    try:
        main()
    except SetupError as error:
        say(error)
        sys.exit(1)
    except KeyboardInterrupt:
        say("stopped; run it again to go on.")
        sys.exit(130)
    except zipfile.BadZipFile as error:
        say(f"a wheel cannot be unpacked ({error}); run it again with --force.")
        sys.exit(1)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        say("the disk is full: free 1.2 GB (with --cuda 7 GB) and run it again." if full else error)
        sys.exit(1)
