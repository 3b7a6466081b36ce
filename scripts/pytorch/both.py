"""Measures normprop and PyTorch on the same networks, whole processes in turn; called by scripts/bench-both.

In each round and setting, one process of `normprop bench` and one of `scripts/bench-pytorch` run; their order changes from
round to round. A time is the median over rounds of each process's median. "Eager" and "compile" are PyTorch's fastest
configurations of that kind over all rounds. A ratio is the median over rounds of ours / theirs, with the smallest and the
largest round in brackets.
"""

import argparse
import csv
import itertools
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile

from picture import draw

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NORMS = ["none", "bn", "normprop"]
KEY = ["width", "batch_size", "threads", "norm"]
COLUMNS = KEY + ["rounds", "ours_ms", "eager_ms", "eager_configuration", "ratio_to_eager", "ratio_to_eager_low",
                 "ratio_to_eager_high", "compile_ms", "compile_configuration", "ratio_to_compile",
                 "ratio_to_compile_low", "ratio_to_compile_high"]
RAW = KEY + ["round", "program", "mode", "configuration", "step_ms", "step_ms_min", "step_ms_q1", "step_ms_q3",
             "not_measured"]


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench-both", description=__doc__.split("\n\n")[0],
                                     epilog="Example: scripts/bench-both --widths 0.25,1 --batch-sizes 1,64")
    parser.add_argument("--model", default="nin", choices=["nin", "resnet"], help="network, with resnet also --widths 1")
    parser.add_argument("--batch-sizes", default="1,64", help="images per step [%(default)s]")
    parser.add_argument("--widths", default="0.25", help="factor on the number of channels [%(default)s]")
    parser.add_argument("--threads", default=str(os.cpu_count()), help="CPU threads of both programs, a list [%(default)s]")
    parser.add_argument("--dataset", default="fashion-mnist-mini", help="gives the images' shape [%(default)s]")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each kind and setting [%(default)s]")
    parser.add_argument("--steps", type=int, help="training steps in a process [at least 20 and for 10 s]")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="passed on to normprop bench")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--out", default=os.path.join(ROOT, "results", "speed"), help="folder for the results")
    return parser.parse_args()


def say(text):
    print(f"bench-both: {text}", file=sys.stderr)


def document(command, threads):
    """The JSON that a command prints; its messages pass through."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=False)
    if done.returncode:
        sys.exit(f"bench-both: {shlex.join(command)} ended with code {done.returncode}")
    return json.loads(done.stdout)


def ours(options, setting, folder):
    width, size, threads = setting
    command = [os.path.join(ROOT, "scripts", "normprop"), "bench", "--quiet", "--json", "--norm", ",".join(NORMS),
               "--widths", width, "--batch-sizes", size, "--threads", threads, "--dataset", options.dataset,
               "--out", folder, "--model", options.model]
    command += ["--steps", str(options.steps)] if options.steps else []
    for assignment in options.set:
        command += ["--set", assignment]
    answer = document(command, threads)
    rows = [dict(row, program="normprop", mode="", configuration="") for row in answer["rows"]]
    return rows, answer["machine"]


def theirs(options, setting):
    width, size, threads = setting
    command = [os.path.join(ROOT, "scripts", "bench-pytorch"), "--json", "--norm", ",".join(NORMS), "--widths", width,
               "--batch-sizes", size, "--threads", threads, "--dataset", options.dataset, "--model", options.model]
    command += ["--steps", str(options.steps)] if options.steps else []
    command += ["--no-compile"] if options.no_compile else []
    answer = document(command, threads)
    rows = [dict(row, program="PyTorch",
                 configuration=", ".join(filter(None, (row["form"], row["layout"], row["optimizer"]))))
            for row in answer["rows"]]
    return rows, answer["machine"]


def measure(options):
    """All rows of all rounds, and what the programs report about the machine."""
    rows, machine = [], {}
    settings = list(itertools.product(options.widths.split(","), options.batch_sizes.split(","),
                                      options.threads.split(",")))
    with tempfile.TemporaryDirectory() as folder:
        for turn, setting in itertools.product(range(options.rounds), settings):
            say(f"round {turn + 1} of {options.rounds}: width {setting[0]}, batch size {setting[1]}, "
                f"{setting[2]} threads")
            programs = [("normprop", lambda: ours(options, setting, folder)), ("PyTorch", lambda: theirs(options, setting))]
            for name, run in programs if turn % 2 == 0 else reversed(programs):
                found, about = run()
                rows += [dict(row, round=turn + 1, width=float(row["width"])) for row in found]
                machine.setdefault(name, about)
    return rows, machine


def by_round(rows, program, mode, configuration=None):
    """Step times by round of one program, mode and configuration."""
    return {row["round"]: row["step_ms"] for row in rows
            if row["program"] == program and row["mode"] == mode and row["step_ms"]
            and configuration in (None, row["configuration"])}


def against(result, rows, mode, own):
    """Adds PyTorch's fastest configuration of one mode, and the ratio to it."""
    names = sorted({row["configuration"] for row in rows if row["mode"] == mode and row["step_ms"]})
    times = {name: by_round(rows, "PyTorch", mode, name) for name in names}
    if not times or not own:
        return
    best = min(times, key=lambda name: statistics.median(times[name].values()))
    ratios = [own[turn] / times[best][turn] for turn in own if turn in times[best]]
    result.update({f"{mode}_ms": statistics.median(times[best].values()), f"{mode}_configuration": best})
    if ratios:
        result.update({f"ratio_to_{mode}": statistics.median(ratios), f"ratio_to_{mode}_low": min(ratios),
                       f"ratio_to_{mode}_high": max(ratios)})


def summarize(rows):
    """One line a setting and method."""
    lines = []
    for key in dict.fromkeys(tuple(row[name] for name in KEY) for row in rows):
        here = [row for row in rows if tuple(row[name] for name in KEY) == key]
        own = by_round(here, "normprop", "")
        result = dict(zip(KEY, key), rounds=len(own), ours_ms=statistics.median(own.values()) if own else None)
        against(result, here, "eager", own)
        against(result, here, "compile", own)
        lines.append({column: result.get(column) for column in COLUMNS})
    return sorted(lines, key=lambda line: (line["width"], line["batch_size"], line["threads"], NORMS.index(line["norm"])))


def number(value):
    return "–" if value is None else f"{value:.3g}"


def ratio(line, mode):
    value, low, high = (line[f"ratio_to_{mode}{end}"] for end in ("", "_low", "_high"))
    return "–" if value is None else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def markdown(options, lines, rows, machine):
    """The page: table, how it was made, caveats."""
    heads = ["width", "batch size", "threads", "method", "ours, ms", "eager, ms", "ours / eager", "compile, ms",
             "ours / compile", "fastest eager", "fastest compile"]
    text = ["# Step times: normprop and PyTorch", "", "![Ratios of step times](speed.svg)", "", "| " + " | ".join(heads) + " |",
            "| " + " | ".join(["---:"] * 3 + ["---"] + ["---:"] * 5 + ["---"] * 2) + " |"]
    for line in lines:
        cells = [f"{line['width']:g}", str(line["batch_size"]), str(line["threads"]), line["norm"],
                 number(line["ours_ms"]), number(line["eager_ms"]), ratio(line, "eager"), number(line["compile_ms"]),
                 ratio(line, "compile"), line["eager_configuration"] or "–", line["compile_configuration"] or "–"]
        text.append("| " + " | ".join(cells) + " |")
    about, torch = machine["normprop"], machine["PyTorch"]
    cpu = about["cpu"]
    commit = (about["git"] or {}).get("commit", "unknown")[:12] + (", changed" if (about["git"] or {}).get("dirty") else "")
    peaks = ", ".join(f"{peak['gflop_per_s']:.0f} GFLOP/s ({peak['precision']}, {peak['threads']} threads)"
                      for peak in about["product_peaks"])
    text += ["", " ".join(__doc__.split("\n\n")[1].split()), "",
             f"- Machine: {cpu['model'] or 'unknown processor'}, {cpu['cores']} cores, {' '.join(cpu['flags'])}; "
             f"matrix-product peak {peaks}.",
             f"- Programs: normprop {about['normprop']} ({commit}), libtorch {about['libtorch']}; PyTorch "
             f"{torch['torch']}, Python {torch['python']}. Begun {about['started']}.",
             f"- Load of the machine before the first process: {about['load_before']}.",
             f"- Command: `scripts/bench-both {shlex.join(reduced(sys.argv[1:]))}`.", "", "Caveats:",
             "- Both programs do the same work in a step: gather a batch from bytes and normalize it, forward, backward, SGD "
             "with momentum and weight decay, read the loss. Ours uses real images and PyTorch random bytes, which does not "
             "change times.",
             "- PyTorch's form of NormProp is the faster of the textbook formula and the folded one.",
             "- Brackets show the spread over rounds of whole processes. They are not confidence intervals.",
             "- Other work on the machine makes all times longer and the ratios of small steps uncertain."]
    reasons = sorted({f"- Not measured: {row['norm']}, {row['mode']} {row['configuration']}: {row['not_measured']}"
                      for row in rows if row.get("not_measured")})
    return "\n".join(text + reasons) + "\n"


def reduced(given):
    """The command line without folders of this machine."""
    home = os.path.expanduser("~")
    return [word.replace(ROOT + "/", "").replace(home, "~") if home != "/" else word.replace(ROOT + "/", "")
            for word in given]


def write_csv(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def main():
    options = arguments()
    os.makedirs(options.out, exist_ok=True)
    rows, machine = measure(options)
    lines = summarize(rows)
    page = markdown(options, lines, rows, machine)
    write_csv(os.path.join(options.out, "speed.csv"), COLUMNS, lines)
    write_csv(os.path.join(options.out, "processes.csv"), RAW, rows)
    for name, text in [("machine.json", json.dumps(machine, indent=2) + "\n"), ("speed.md", page),
                       ("speed.svg", draw(lines))]:
        with open(os.path.join(options.out, name), "w", encoding="utf-8") as file:
            file.write(text)
    print(page, end="")


main()
