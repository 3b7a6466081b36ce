"""The study of speed: from `normprop bench`, never from runs beside each other."""

import json

from study import Claim, Study
from sweeps import IMAGES
from tables import (Missing, difference, final, heading, line, only, path, points, ratio, ratio_text, rows, significant,
                    where)
from words import all_held, listed

def table(*folder):
    return where(rows("speed", *folder, "bench.csv"), precision="f32")


def to_normprop(width, size, *folder):
    """Batch normalization's step time as a multiple of NormProp's, with its interval."""
    value, low, high = ratio(only(table(*folder), norm="normprop", width=width, batch_size=size), "ratio_to_bn")
    return 1 / value, 1 / high, 1 / low


def interval(width, size, *folder):
    return ratio_text(to_normprop(width, size, *folder))


def settings():
    return sorted({(float(row["width"]), int(row["batch_size"])) for row in table()})


def epoch_s(norm):
    """Seconds of training for an epoch of CIFAR-10 at width 0.25 and batch size 50."""
    row = only(table("cifar10"), norm=norm, batch_size=50)
    return IMAGES["cifar10"] / float(row["images_per_s"])


def answer():
    return (f"An epoch of CIFAR-10's 50,000 images at width 0.25 and batch size 50 takes "
            f"{significant(epoch_s('normprop'), 3)} s with NormProp, {significant(epoch_s('bn'), 3)} s with batch "
            f"normalization and {significant(epoch_s('none'), 3)} s without normalization. Batch normalization's step takes "
            f"{interval(0.25, 64)} times NormProp's at width 0.25 and batch size 64, and {interval(1.0, 64)} times at "
            f"width 1.")


def details():
    head = ["width", "batch size", "none, ms", "bn, ms", "normprop, ms", "normprop / none", "bn / normprop",
            "normprop, ms an image", "normprop, GFLOP/s"]
    lines = ["float32, two threads, methods taking turns; medians, ratios with bootstrap intervals of 95 %:", "",
             heading(head, 0)]
    for width, size in settings():
        found = {row["norm"]: row for row in where(table(), width=width, batch_size=size)}
        own = found["normprop"]
        to_none = ratio_text(ratio(own, "ratio_to_none"))
        times = [significant(float(found[norm]["step_ms"]), 3) for norm in ("none", "bn", "normprop")]
        each = [significant(float(own["step_ms"]) / size, 3), significant(float(own["gflop_per_s"]), 3)]
        lines.append(line([f"{width:g}", str(size)] + times + [to_none, interval(width, size)] + each))
    parts = ["\n".join(lines), precision(), beside_pytorch(), profile()]
    return "\n\n".join(part for part in parts if part)


def profile():
    """Where a step's time goes, from scripts/profile; empty where that was not run."""
    try:
        found = rows("speed", "profile.csv")
    except Missing:
        return ""
    parts = ["## Where the time goes", 
             "`scripts/profile`: milliseconds of a step by kind of work, from perf's samples. Code that oneDNN makes while "
             "the program runs has no names: what has none counts as convolutions. Each method is one "
             "process of its own, not in turn with the others: the sums are not for comparing methods, above all at batch "
             "size 1; the shares of a method's step are."]
    for width, size in dict.fromkeys((row["width"], row["batch_size"]) for row in found):
        here = where(found, width=width, batch_size=size)
        norms = list(dict.fromkeys(row["norm"] for row in here))
        lines = [heading([f"width {width}, batch size {size}"] + norms)]
        for kind in dict.fromkeys(row["kind"] for row in here):
            lines.append(line([kind] + [significant(spent(here, norm, kind), 2) for norm in norms]))
        lines.append(line(["sum"] + [significant(total(here, norm), 3) for norm in norms]))
        parts += ["\n".join(lines), limit(here)]
    return "\n\n".join(parts)


def spent(here, norm, kind):
    return sum(float(row["ms_per_step"]) for row in here if row["norm"] == norm and row["kind"] == kind)


def total(here, norm):
    return sum(float(row["ms_per_step"]) for row in here if row["norm"] == norm)


def limit(here):
    """How much batch normalization's step would gain if what is its own took no time."""
    whole = total(here, "bn")
    own, convolutions = (spent(here, "bn", kind) for kind in ("batch normalization", "convolutions and products"))
    if not whole:
        return ""
    return (f"Batch normalization's own functions take {100 * own / whole:.0f} % of its step and convolutions "
            f"{100 * convolutions / whole:.0f} %: if nothing took the place of the former, its step would take "
            f"{whole / (whole - own):.2f} times that of the rest.")


def beside_pytorch():
    try:
        found = rows("speed-pytorch", "speed.csv")
    except Missing:
        return ""
    head = ["width", "batch size", "method", "ours, ms", "ours / eager", "ours / compile"]
    lines = ["## Beside PyTorch", "Time of a step as a multiple of PyTorch's fastest eager and fastest compiled configuration "
             "(`scripts/bench-both`, whole processes in turn; smallest and largest round in brackets):", "",
             line(head), line(["---:"] * 2 + ["---"] + ["---:"] * 3)]
    for row in found:
        def ratio_to(mode):
            if not row[f"ratio_to_{mode}"]:
                return "–"
            return ratio_text(ratio(row, f"ratio_to_{mode}"))
        lines.append(line([f"{float(row['width']):g}", row["batch_size"], row["norm"],
                           significant(float(row["ours_ms"]), 3), ratio_to("eager"), ratio_to("compile")]))
    return "\n".join(lines)


def precision():
    try:
        found = rows("speed", "precision", "bench.csv")
    except Missing:
        return ""
    lines = ["## bfloat16 and evaluation", "", line(["width", "batch size", "method", "bf16 / f32"]),
             line(["---:", "---:", "---", "---:"])]
    for row in where(found, precision="bf16"):
        lines.append(line([f"{float(row['width']):g}", row["batch_size"], row["norm"], ratio_text(ratio(row, "ratio_to_f32"))]))
    lines += ["", "Test error, bf16 minus f32, on 4,000 images of Fashion-MNIST at batch size 64 "
              f"([../precision](../precision/)): {listed(error_gaps())}."]
    folded = [row for row in table() if row["norm"] == "normprop" and row["eval_ratio_to_none"]]
    said = "; ".join(f"{float(row['eval_ratio_to_none']):.2f} at width {float(row['width']):g} and batch size "
                     f"{row['batch_size']}" for row in folded if row["batch_size"] in ("1", "64"))
    return "\n".join(lines) + (f"\n\nEvaluation of a trained NormProp network, folded into plain convolutions, relative to "
                               f"`none`: {said}." if said else "")


def error_gaps():
    for norm in ("normprop", "bn"):
        gap = difference(final("precision", f"{norm}, bf16", 64), final("precision", f"{norm}, f32", 64))
        yield f"{norm} {gap.text(points)} points (n = {gap.n})"


def claim():
    pairs = [(0.25, 64), (1.0, 64), (0.25, 1), (1.0, 1)]
    said = "; ".join(f"width {width:g}, batch size {size}: {interval(width, size)} and {interval(width, size, 'precision')}"
                     for width, size in pairs)
    faster = [min(to_normprop(*pair)[1], to_normprop(*pair, "precision")[1]) > 1 for pair in pairs]
    return Claim("NormProp is computationally faster than batch normalization",
                 f"step time, batch normalization / NormProp, in two benches: {said} (faster: both intervals above 1)",
                 all_held(faster))


def machine():
    file = path("speed", "machine.json")
    try:
        about = json.load(open(file, encoding="utf-8"))
    except FileNotFoundError:
        raise Missing("results/speed/machine.json") from None
    cpu = about["cpu"]
    git = about.get("git") or {}
    commit = (git.get("commit") or "unknown")[:10] + (", with changes" if git.get("dirty") else "")
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
      "--steps 20 --warmup 4 --out results/speed/precision", "results/speed/precision/bench.csv"),
     ("scripts/profile --out results/speed", "results/speed/profile.csv")],
    answer, details, claim,
    [("step-time.svg", "Step time relative to none")],
    lambda: ["Measure on a machine that does nothing else. The two hardware threads of our virtual machine sometimes share one "
     "processor core with each other: then all times are longer, and what follows a parallel section on one thread slows "
     "down by the other one's waiting for work. Ratios are taken within a run, round by round, and their intervals hold "
     "within one bench: at batch size 1 benches differ from each other by more than them, and a network that does more can "
     "come out faster.",
     "Beside PyTorch: [../speed-pytorch](../speed-pytorch/speed.md), `scripts/bench-both`."],
    machine=machine)
