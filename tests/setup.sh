#!/usr/bin/env bash
# Exercises scripts/setup against a small package index of made-up wheels on 127.0.0.1: a download that
# breaks, one that was left half done, a wrong SHA-256, a missing compiler, LIBTORCH. Needs no network and
# a second or five; Linux only (the wheels hold .so files). Prints one line a check; ends with 1 if any fails.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
work=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

# A checkout without the sources; the space is on purpose.
copy="$work/a copy"
mkdir -p "$copy" "$work/index"
cp -r "$repository/scripts" "$repository/Cargo.toml" "$copy/"

python3 - "$work" <<'PYTHON'
import hashlib, json, os, platform, sys, zipfile
work = sys.argv[1]
version = "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 13\n"
contents = {
    "torch": {"torch/lib/libtorch_cpu.so": os.urandom(300_000), "torch/lib/libgomp.so.1": b"g",
              "torch/lib/libtorch_cuda.so": b"unwanted", "torch/include/torch/version.h": version.encode(),
              "torch/include/torch/csrc/api.h": b"//"},
    "stub": {"nvidia/lib/libcudart.so.13": b"c"},
}
take = {"torch": ["torch/include/", "torch/lib/libtorch_cpu.so", "torch/lib/libgomp.so.1"],
        "stub": ["nvidia/lib/libcudart.so.13"]}
pins = []
for project, members in contents.items():
    name = f"{project}-2.13.0-py3-none-any.whl"
    path = os.path.join(work, "index", name)
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    pins.append({"project": project, "file": name, "sha256": digest,
                 "size_bytes": os.path.getsize(path), "take": take[project]})
for name, digest in (("pins.json", pins[0]["sha256"]), ("wrong.json", "0" * 64)):
    pins[0]["sha256"] = digest
    with open(os.path.join(work, name), "w") as file:
        json.dump({f"{sys.platform}-{platform.machine()}": pins}, file)
PYTHON

# Serves the wheels with ranges; breaks off the first answer for the torch wheel half-way; logs each request.
cat >"$work/server.py" <<'PYTHON'
import http.server, os, sys
work = sys.argv[1]
broken = False
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global broken
        wanted = self.headers.get("Range", "")
        with open(os.path.join(work, "log"), "a") as log:
            log.write(f"{self.path} {wanted}\n")
        name = self.path.strip("/").split("/")[-1]
        if name.endswith(".whl"):
            with open(os.path.join(work, "index", name), "rb") as file:
                body = file.read()
        else:
            names = [each for each in os.listdir(os.path.join(work, "index")) if each.startswith(name)]
            body = "".join(f'<a href="/files/{each}#sha256=0">{each}</a>' for each in names).encode()
        start = int(wanted[len("bytes="):-1]) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        stop = len(body)
        if name.startswith("torch-") and not broken:
            broken, stop = True, len(body) // 2
        self.wfile.write(body[start:stop])
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
with open(os.path.join(work, "port.new"), "w") as file:
    file.write(str(server.server_port))
os.rename(os.path.join(work, "port.new"), os.path.join(work, "port"))
server.serve_forever()
PYTHON
python3 "$work/server.py" "$work" &
server=$!
for _ in $(seq 100); do
    if [ -f "$work/port" ]; then break; fi
    sleep 0.05
done

export PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX="" PIP_FIND_LINKS="" PIP_EXTRA_INDEX_URL="" NO_PROXY=127.0.0.1
PIP_INDEX_URL="http://127.0.0.1:$(cat "$work/port")/simple"
export PIP_INDEX_URL NORMPROP_SETUP_PINS="$work/pins.json"
unset LIBTORCH PIP_PROXY PIP_CERT http_proxy HTTP_PROXY
failures=0

# setup STATUS ARGS...: runs scripts/setup from another folder, keeps what it says, expects the exit code.
setup() {
    local expected=$1 status=0
    shift
    : >"$work/log"
    (cd / && "$copy/scripts/setup" "$@") >"$work/said" 2>&1 || status=$?
    [ "$status" = "$expected" ] || { echo "exit code $status instead of $expected:"; cat "$work/said"; failures=$((failures + 1)); }
}

# check WHAT COMMAND...: the command must succeed.
check() {
    local what=$1
    shift
    if "$@"; then
        echo "ok: $what"
    else
        echo "FAILED: $what"
        sed 's/^/    /' "$work/said" "$work/log"
        failures=$((failures + 1))
    fi
}
said() { grep -qF -- "$1" "$work/said"; }
asked() { grep -qE -- "$1" "$work/log"; }
lib="$copy/.libtorch/lib"
wheel=torch-2.13.0-py3-none-any.whl
half=$(($(wc -c <"$work/index/$wheel") / 2))

setup 0
check "a broken answer is told" said "the connection broke"
check "and continued by range" asked "$wheel bytes=$half-"
check "the linker script is written" grep -qx 'INPUT(-ltorch_cpu)' "$lib/libtorch.so"
check "libgomp.so leads to libgomp.so.1" test "$(readlink "$lib/libgomp.so")" = libgomp.so.1
check "the stub is there" test -s "$lib/libcudart.so.13"
check "libtorch_cuda.so is not" test ! -e "$lib/libtorch_cuda.so"
check "downloads and partial folders are gone" test -z "$(find "$copy" -maxdepth 1 -name '.libtorch.*')"

setup 0
check "a second run says nothing" test ! -s "$work/said"
check "and asks nothing" test ! -s "$work/log"

rm "$lib/libcudart.so.13"
setup 0
check "a lost library is installed again" test -s "$lib/libcudart.so.13"

mkdir "$copy/.libtorch.download"
head -c 100000 "$work/index/$wheel" >"$copy/.libtorch.download/$wheel.part"
setup 0 --force
check "a download left by an earlier run is continued" asked "$wheel bytes=100000-"

mkdir "$copy/.libtorch.download"
head -c 100000 /dev/zero >"$copy/.libtorch.download/$wheel.part"
setup 0 --force
check "a spoilt download is named" said "$wheel had the SHA-256"
check "and fetched afresh" asked "$wheel \$"

NORMPROP_SETUP_PINS="$work/wrong.json" setup 1 --force
check "a wrong SHA-256 is named" said "$wheel had the SHA-256"
check "the wrong file is removed" test -z "$(find "$copy/.libtorch.download" -type f)"
check "the libtorch in use is untouched" test -s "$lib/libtorch_cpu.so"

LIBTORCH="$work/index" setup 1
check "a LIBTORCH without libraries is refused" said "there is no lib/libtorch_cpu.so"
cp -r "$copy/.libtorch" "$work/other"
LIBTORCH="$work/other" setup 0
sed -i 's/MINOR 13/MINOR 12/' "$work/other/include/torch/version.h"
LIBTORCH="$work/other" setup 1
check "a LIBTORCH of another version is refused" said "it is version 2.12"

mkdir "$work/bin"
for tool in bash sh dirname uname sed cat cargo cc; do
    ln -s "$(command -v "$tool")" "$work/bin/$tool"
done
PATH="$work/bin" CXX="" setup 1
check "a missing C++ compiler is named with its package" said "apt install g++"
check "in one line" test "$(wc -l <"$work/said")" = 1

[ "$failures" = 0 ] || { echo "$failures failed"; exit 1; }
echo "tests/setup.sh: all passed"
