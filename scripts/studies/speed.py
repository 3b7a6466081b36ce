"""The study of speed: from `normprop bench`, never from runs that share a machine."""

import json

from intervals import difference
from results import IMAGES, final, numbers, only, read, rows, where
from study import Study
from words import all_held, listed, points, ratio, significant, table

NORMS = ["none", "bn", "normprop"]


def bench(*folder):
    return where(rows("speed", *folder, "bench.csv"), precision="f32")


def ends(row, column):
    """A ratio in a row and the ends of its interval."""
    return tuple(float(row[column + end]) for end in ("", "_low", "_high"))


def to_normprop(width, size, *folder):
    """Batch normalization's step time as a multiple of NormProp's, with its interval."""
    value, low, high = ends(only(bench(*folder), norm="normprop", width=width, batch_size=size), "ratio_to_bn")
    return 1 / value, 1 / high, 1 / low


def setting(row):
    return [f"{float(row['width']):g}", row["batch_size"]]


def epoch_s(norm):
    """Seconds of training for an epoch of CIFAR-10 at width 0.25 and batch size 50."""
    return significant(IMAGES["cifar10"] / float(only(bench("cifar10"), norm=norm, batch_size=50)["images_per_s"]), 3)


def steps():
    lines = []
    for own in where(bench(), norm="normprop"):
        width, size = float(own["width"]), int(own["batch_size"])
        times = [only(bench(), norm=norm, width=width, batch_size=size)["step_ms"] for norm in NORMS]
        lines.append([*setting(own), *(significant(float(time), 3) for time in times), ratio(ends(own, "ratio_to_none")),
                      ratio(to_normprop(width, size)), significant(float(own["step_ms"]) / size, 3),
                      significant(float(own["gflop_per_s"]), 3)])
    return table(["width", "batch size", "none, ms", "bn, ms", "normprop, ms", "normprop / none", "bn / normprop",
                  "normprop, ms an image", "normprop, GFLOP/s"], lines, 0)


def precision():
    found = where(rows("speed", "precision", "bench.csv"), precision="bf16")
    return table(["method", "width", "batch size", "bf16 / f32"],
                 [[row["norm"], *setting(row), ratio(ends(row, "ratio_to_f32"))] for row in found])


def error_gap(norm):
    gap = difference(final("precision", f"{norm}, bf16", 64), final("precision", f"{norm}, f32", 64))
    return f"{gap.text(points, ' points')} with {norm} (n = {gap.n})"


def evaluation():
    return "; ".join(f"{float(row['eval_ratio_to_none']):.2f} at width {float(row['width']):g} and batch size {row['batch_size']}"
                     for row in where(bench(), norm="normprop") if row["batch_size"] in ("1", "64"))


def beside_pytorch():
    def to(row, mode):
        return ratio(ends(row, f"ratio_to_{mode}")) if row[f"ratio_to_{mode}"] else "–"
    return table(["method", "width", "batch size", "ours, ms", "ours / eager", "ours / compile"],
                 [[row["norm"], *setting(row), significant(float(row["ours_ms"]), 3), to(row, "eager"), to(row, "compile")]
                  for row in rows("speed-pytorch", "speed.csv")])


def pytorch_sentence():
    """The line of README.md on the comparison with PyTorch."""
    found, about = rows("speed-pytorch", "speed.csv"), json.loads(read("speed-pytorch", "machine.json"))
    cpu, version = about["normprop"]["cpu"], about["PyTorch"]["torch"].split("+")[0]
    def each(column, show=str):
        return listed(dict.fromkeys(show(row[column]) for row in found))
    def span(mode):
        ratios = sorted(numbers(found, f"ratio_to_{mode}"))
        return f"{ratios[0]:.2f} to {ratios[-1]:.2f} times as long as"
    return (f"On {cpu['cores']} cores of an {cpu['model']}, a training step with {each('norm', '`{}`'.format)} takes {span('eager')} "
            f"in PyTorch {version} at its fastest eager setting, and {span('compile')} with its fastest `torch.compile` "
            f"([speed-pytorch](results/speed-pytorch/speed.md)).")


def spent(profile, norm, kind=None):
    return sum(float(row["ms_per_step"]) for row in where(profile, norm=norm) if kind in (None, row["kind"]))


def profiles():
    """Where a step's time goes, a table a setting, and what batch normalization's own functions take."""
    every, parts = rows("speed", "profile.csv"), []
    for width, size in dict.fromkeys((row["width"], row["batch_size"]) for row in every):
        here = where(every, width=width, batch_size=size)
        lines = [[kind] + [significant(spent(here, norm, kind)) for norm in NORMS]
                 for kind in dict.fromkeys(row["kind"] for row in here)]
        lines.append(["sum"] + [significant(spent(here, norm), 3) for norm in NORMS])
        whole = spent(here, "bn")
        own, convolutions = (spent(here, "bn", kind) for kind in ("batch normalization", "convolutions and products"))
        parts += [table([f"width {width}, batch size {size}", *NORMS], lines),
                  f"Batch normalization's own functions take {100 * own / whole:.0f} % of its step, and convolutions take "
                  f"{100 * convolutions / whole:.0f} %. Its step takes {whole / (whole - own):.2f} times as long as it would "
                  "without these functions."]
    return "\n\n".join(parts)


def values():
    pairs = [(0.25, 64), (1.0, 64), (0.25, 1), (1.0, 1)]
    evidence = "; ".join(f"width {width:g}, batch size {size}: {ratio(to_normprop(width, size))} and "
                         f"{ratio(to_normprop(width, size, 'precision'))}" for width, size in pairs)
    faster = [min(to_normprop(*pair)[1], to_normprop(*pair, "precision")[1]) > 1 for pair in pairs]
    return {**{f"epoch_{norm}": epoch_s(norm) for norm in NORMS}, "small": ratio(to_normprop(0.25, 64)),
            "full": ratio(to_normprop(1.0, 64)), "steps": steps(), "precision": precision(),
            "error_gaps": listed(map(error_gap, ("normprop", "bn"))), "evaluation": evaluation(),
            "pytorch": beside_pytorch(), "profiles": profiles(), "evidence": evidence, "verdict": all_held(faster)}


def machine():
    about = json.loads(read("speed", "machine.json"))
    cpu, git = about["cpu"], about.get("git") or {}
    commit = (git.get("commit") or "unknown")[:10] + (", with changes" if git.get("dirty") else "")
    return (f"{cpu['model']}, {cpu['cores']} cores, {' '.join(cpu['flags'])}; normprop {about['normprop']}, commit {commit}, "
            f"libtorch {about['libtorch']}; load of the machine before: {about['load_before']}.")


SPEED = Study(
    "speed",
    [("normprop bench --norm none,bn,normprop --batch-sizes 1,4,16,64,256 --widths 0.125,0.25,0.5,1 --threads 2 --eval "
      "--steps 20 --warmup 4 --out results/speed", "results/speed/bench.csv"),
     ("normprop bench --norm none,bn,normprop --batch-sizes 1,50 --widths 0.25 --dataset cifar10 --threads 2 "
      "--out results/speed/cifar10", "results/speed/cifar10/bench.csv"),
     ("normprop bench --norm none,bn,normprop --batch-sizes 1,64 --widths 0.25,1 --precision f32,bf16 --threads 2 "
      "--steps 20 --warmup 4 --out results/speed/precision", "results/speed/precision/bench.csv"),
     ("scripts/profile --out results/speed", "results/speed/profile.csv")],
    values, (), machine)
