"""Where a training step's time goes; called by scripts/profile.

`normprop train` runs under perf for one method and setting at a time, on part of the embedded images. The name of the
function that a sample hit gives its kind of work. A kind's time is its share of the samples times the mean step time. Samples
of all threads count: work on two threads that takes 1 ms of the step counts as 1 ms.
"""

import argparse
import csv
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The first pattern that matches a function's name decides.
KINDS = [
    ("waiting for threads", r"gomp|omp_|futex|sched_yield|GOMP"),
    ("batch normalization", r"batch_norm|BatchNorm"),
    ("pooling", r"max_pool|maxpool|MaxPool|adaptive_avg|mean_kernel"),
    # oneDNN makes the code of its convolutions at run time: memory without a file, or no symbol.
    ("convolutions and products", r"dnnl|jit|gemm|brg|conv|mkl|im2col|addmm|//anon|memfd|\[unknown\]"),
    ("activation", r"relu|threshold|clamp|hardtanh"),
    ("update", r"normprop::nn::(sgd|update)|Update|advance|step_rows|make_unit"),
    ("weight rows", r"normprop::nn::(rows|kernels)|ScaledRows|fill_back"),
    ("batch gathering", r"normprop::data|gather|Normalizer"),
    ("memory", r"memset|memcpy|memmove|malloc|free|alloc|clear_page|page_fault|brk|copy_kernel"),
    ("other tensor operations", r"at::|c10::|torch::|vectorized|VectorizedLoop|std::"),
]


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/profile", description="Show where a training step's time goes.",
                                     epilog="Example: scripts/profile --norm none,bn,normprop --widths 0.25,1 --batch-sizes 64")
    parser.add_argument("--norm", default="none,bn,normprop", help="methods [%(default)s]")
    parser.add_argument("--widths", default="0.25,1", help="factor on the number of channels [%(default)s]")
    parser.add_argument("--batch-sizes", default="1,64", help="images per step [%(default)s]")
    parser.add_argument("--threads", default=str(os.cpu_count()), help="CPU threads [%(default)s]")
    parser.add_argument("--seconds", type=int, default=8, help="about how long each is measured [%(default)s]")
    parser.add_argument("--out", default=os.path.join(ROOT, "results", "speed"), help="folder for profile.csv [%(default)s]")
    return parser.parse_args()


def train(norm, width, size, threads, folder, images):
    """A run that trains on so many images and evaluates on 10."""
    epochs = -(-images // 4000)
    images = max(10, min(4000, images))
    return [os.path.join(ROOT, "scripts", "normprop"), "train", "--quiet", "--json", "--norm", norm, "--width", width,
            "--batch-size", size, "--threads", threads, "--epochs", str(epochs), "--set", f"train_subset={images}",
            "--set", "test_subset=10", "--set", "probe_images=0", "--overwrite", "--out", folder]


def step_ms_of(printed):
    summary = json.loads(printed)
    return 1000 * summary["train_s"] / summary["steps"]


def sampled(command, folder):
    """Mean step time in ms, and the share of samples by function."""
    data = os.path.join(folder, "perf.data")
    done = subprocess.run(["perf", "record", "-q", "-F", "499", "-o", data, "--"] + command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"profile: perf record ended with code {done.returncode}: {done.stderr.strip()[-500:]}")
    step_ms = step_ms_of(done.stdout)
    report = subprocess.run(["perf", "report", "-i", data, "--no-children", "--stdio", "--percent-limit", "0", "-w", "0",
                             "-F", "overhead,dso,symbol", "-t", "\t"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            text=True, check=True).stdout
    shares = []
    for line in report.splitlines():
        cells = line.split("\t")
        if len(cells) == 3 and cells[0].strip().endswith("%"):
            shares.append((float(cells[0].strip().rstrip("%")) / 100, f"{cells[1].strip()} {cells[2].strip()}"))
    return step_ms, shares


def kind_of(function):
    for kind, pattern in KINDS:
        if re.search(pattern, function, re.IGNORECASE):
            return kind
    return "other"


def measure(options):
    rows = []
    settings = itertools.product(options.widths.split(","), options.batch_sizes.split(","), options.norm.split(","))
    with tempfile.TemporaryDirectory() as folder:
        for width, size, norm in settings:
            given = (norm, width, size, options.threads, folder)
            trial = subprocess.run(train(*given, 20 * int(size)), stdout=subprocess.PIPE, check=True)
            steps = max(10, int(1000 * options.seconds / step_ms_of(trial.stdout)))
            step_ms, shares = sampled(train(*given, steps * int(size)), folder)
            by_kind = {}
            for share, function in shares:
                kind = kind_of(function)
                by_kind[kind] = by_kind.get(kind, 0.0) + share
            total = sum(by_kind.values())
            for kind, share in sorted(by_kind.items(), key=lambda item: -item[1]):
                rows.append({"width": width, "batch_size": size, "threads": options.threads, "norm": norm, "kind": kind,
                             "share": round(share / total, 5), "ms_per_step": round(share / total * step_ms, 5)})
            print(f"profile: width {width}, batch size {size}, {norm}: {step_ms:.3g} ms", file=sys.stderr)
    return rows


def show(rows):
    """Prints a table for each setting: milliseconds by kind of work and method."""
    for width, size in dict.fromkeys((row["width"], row["batch_size"]) for row in rows):
        here = [row for row in rows if (row["width"], row["batch_size"]) == (width, size)]
        norms = list(dict.fromkeys(row["norm"] for row in here))
        print(f"width {width}, batch size {size}, ms a step")
        print(f"  {'':26}" + "".join(f"{norm:>12}" for norm in norms))
        for kind in dict.fromkeys(row["kind"] for row in here):
            cells = [sum(row["ms_per_step"] for row in here if row["kind"] == kind and row["norm"] == norm) for norm in norms]
            print(f"  {kind:26}" + "".join(f"{cell:12.3f}" for cell in cells))


def main():
    options = arguments()
    rows = measure(options)
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "profile.csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    show(rows)


if __name__ == "__main__":
    main()
