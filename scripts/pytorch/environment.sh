# shellcheck shell=bash
# The Python environment of the PyTorch measurements: .bench-pytorch/ in the repository. Sourced after common.sh.

environment=$root/.bench-pytorch
torch_release=2.13.0

# Makes the environment unless it is complete. PyPI's wheel is used, not the smaller CPU-only one from elsewhere,
# because it contains the same libtorch that normprop is linked with (scripts/libtorch/pins.json).
prepare_environment() {
    local python=${PYTHON:-python3} free_kb
    if [ "$(cat "$environment/complete" 2>/dev/null)" = "torch $torch_release" ]; then
        return
    fi
    command -v "$python" >/dev/null || missing "$python" python3
    "$python" -c 'import venv, ensurepip' 2>/dev/null || missing "venv (the module of $python)" python3-venv
    free_kb=$(df -Pk "$root" | awk 'NR == 2 { print $4 }')
    if [ "$free_kb" -lt 10000000 ]; then
        die "PyTorch and its dependencies need 7 GB, and 3 GB more during installation; $root has $((free_kb / 1000000)) GB free"
    fi
    say "installing PyTorch $torch_release into .bench-pytorch/ (3 GB to download)"
    "$python" -m venv "$environment" || die "cannot make the environment $environment"
    "$environment/bin/python" -m pip install --quiet "torch==$torch_release" numpy >&2 ||
        die "pip could not install PyTorch $torch_release; run the command again (pip's settings for index and proxy are used)"
    "$environment/bin/python" -c "import torch; assert torch.__version__.startswith('$torch_release')" >&2 ||
        die "PyTorch does not load; remove $environment and try again"
    echo "torch $torch_release" >"$environment/complete"
}
