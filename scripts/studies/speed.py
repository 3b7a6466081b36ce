"""The study of speed: from `normprop bench`, never from runs beside each other."""

import json

from study import Claim, Study
from tables import Missing, line, only, path, rows, significant, where

CIFAR_IMAGES = 50_000


def table():
    return where(rows("speed", "bench.csv"), precision="f32")


def ratio(norm, to, width, size, column="step_ms"):
    """Median step time of one method as a multiple of another's."""
    one, other = (float(only(table(), norm=name, width=width, batch_size=size)[column]) for name in (norm, to))
    return one / other


def interval(width, size):
    """Batch normalization's step time as a multiple of NormProp's: from NormProp's ratio to batch normalization."""
    row = only(table(), norm="normprop", width=width, batch_size=size)
    value, low, high = (1 / float(row[column]) for column in ("ratio_to_bn", "ratio_to_bn_high", "ratio_to_bn_low"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def settings():
    return sorted({(float(row["width"]), int(row["batch_size"])) for row in table()})


def epoch_s(norm):
    """Seconds of training for an epoch of CIFAR-10 at width 0.25 and batch size 50."""
    row = only(where(rows("speed", "cifar10", "bench.csv"), precision="f32"), norm=norm, batch_size=50)
    return CIFAR_IMAGES / float(row["images_per_s"])


def answer():
    return (f"An epoch of CIFAR-10's 50,000 images at width 0.25 and batch size 50 takes {significant(epoch_s('normprop'), 3)} s "
            f"with NormProp, {significant(epoch_s('bn'), 3)} s with batch normalization and "
            f"{significant(epoch_s('none'), 3)} s without normalization. Batch normalization's step takes "
            f"{interval(0.25, 64)} times NormProp's at width 0.25 and batch size 64, and {interval(1.0, 64)} times at "
            f"width 1, where the convolutions take nearly all the time of both.")


def details():
    head = ["width", "batch size", "none, ms", "bn, ms", "normprop, ms", "normprop / none", "bn / normprop"]
    lines = ["float32, two threads, methods taking turns; medians, ratios with bootstrap intervals of 95 %:", "",
             line(head), line(["---:"] * len(head))]
    for width, size in settings():
        found = {row["norm"]: row for row in where(table(), width=width, batch_size=size)}
        own = found["normprop"]
        to_none = (f"{float(own['ratio_to_none']):.2f} [{float(own['ratio_to_none_low']):.2f}, "
                   f"{float(own['ratio_to_none_high']):.2f}]")
        times = [significant(float(found[norm]["step_ms"]), 3) for norm in ("none", "bn", "normprop")]
        lines.append(line([f"{width:g}", str(size)] + times + [to_none, interval(width, size)]))
    return "\n".join(lines)


def claim():
    pairs = [(0.25, 64), (1.0, 64), (0.25, 1), (1.0, 1)]
    said = "; ".join(f"width {width:g}, batch size {size}: {interval(width, size)}" for width, size in pairs)
    faster = [ratio("bn", "normprop", width, size) > 1 for width, size in pairs]
    word = "holds" if all(faster) else "holds partly" if any(faster) else "does not hold here"
    return Claim("NormProp is computationally faster than batch normalization",
                 f"step time, batch normalization / NormProp: {said}", word)


def machine():
    file = path("speed", "machine.json")
    try:
        about = json.load(open(file, encoding="utf-8"))
    except FileNotFoundError:
        raise Missing("results/speed/machine.json") from None
    cpu = about["cpu"]
    commit = ((about.get("git") or {}).get("commit") or "unknown")[:10]
    return (f"{cpu['model']}, {cpu['cores']} cores, {' '.join(cpu['flags'])}; normprop {about['normprop']}, commit {commit}, "
            f"libtorch {about['libtorch']}; load of the machine before: {about['load_before']}.")


SPEED = Study(
    8, "speed", "Speed",
    "How long does an epoch take with NormProp, with batch normalization and without normalization?",
    [("normprop bench --norm none,bn,normprop --batch-sizes 1,4,16,64,256 --widths 0.125,0.25,0.5,1 --threads 2 --eval "
      "--steps 20 --warmup 4 --out results/speed", "results/speed/bench.csv"),
     ("normprop bench --norm none,bn,normprop --batch-sizes 1,50 --widths 0.25 --dataset cifar10 --threads 2 "
      "--out results/speed/cifar10", "results/speed/cifar10/bench.csv"),
     ("normprop bench --norm none,bn,normprop --batch-sizes 1,64 --widths 0.25,1 --precision f32,bf16 --threads 2 "
      "--steps 20 --warmup 4 --out results/speed/precision", "results/speed/precision/bench.csv")],
    answer, details, claim,
    [("step-time.svg", "Step time relative to none")],
    ["Measure on a machine that does nothing else. The two hardware threads of our virtual machine sometimes share one "
     "processor core with each other: then all times are about 1.5 times as long, and what follows a parallel section on "
     "one thread slows down by the other one's waiting for work. Ratios are taken within a run, round by round.",
     "Beside PyTorch: [../speed-pytorch](../speed-pytorch/speed.md), `scripts/bench-both`."],
    machine=machine)
