"""Times training steps of the NIN or ResNet-20 in PyTorch; called by scripts/bench-pytorch.

In each configuration (layout, optimizer, eager or compiled) the methods take turns step by step, in an order that
changes from round to round, as in normprop bench. Both programs let equally many networks take turns, so that neither
finds more of its weights in the caches. Configurations are visited one after the other, several times. A step is: gather
a batch from bytes and normalize it, forward, backward, update, read the loss. Images are random bytes: times do not
depend on their content.
"""

import argparse
import csv
import json
import math
import os
import platform
import statistics
import sys
import time

SHAPES = {"fashion-mnist-mini": (1, 28), "fashion-mnist": (1, 28), "mnist": (1, 28), "cifar10": (3, 32)}
IMAGES = 4000
# How often each configuration has its turn.
VISITS = 4
# Rounds and seconds of a configuration, over all visits, unless --steps says how many rounds.
AT_LEAST, AT_MOST, SECONDS = 20, 1000, 10
# (layout, optimizer, mode)
CONFIGURATIONS = [("nchw", "foreach", "eager"), ("nchw", "fused", "eager"),
                  ("channels-last", "foreach", "eager"), ("channels-last", "fused", "eager"),
                  ("nchw", "fused", "compile"), ("channels-last", "fused", "compile")]
COLUMNS = ["norm", "form", "layout", "optimizer", "mode", "model", "width", "batch_size", "threads", "step_ms",
           "step_ms_min", "step_ms_q1", "step_ms_q3", "rounds", "data_ms", "forward_ms", "backward_ms", "update_ms",
           "not_measured"]


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench-pytorch", description=__doc__.split("\n\n")[0],
                                     epilog="Example: scripts/bench-pytorch --batch-sizes 64 --widths 0.25 --threads 2")
    parser.add_argument("--norm", default="none,bn,normprop", help="methods [%(default)s]")
    parser.add_argument("--model", default="nin", choices=["nin", "resnet"], help="network; resnet has depth 20, order v2")
    parser.add_argument("--batch-sizes", default="1,64", help="images per step [%(default)s]")
    parser.add_argument("--widths", default="0.25", help="factor on the number of channels [%(default)s]")
    parser.add_argument("--dataset", default="fashion-mnist-mini", choices=SHAPES, help="gives the images' shape")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads [%(default)s]")
    parser.add_argument("--steps", type=int, help="rounds, a multiple of 4 [at least 20 and for 10 s, at most 1000]")
    parser.add_argument("--warmup", type=int, default=5, help="rounds before these [%(default)s]")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--out", help="folder for pytorch.csv")
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    return parser.parse_args()


ARGUMENTS = arguments()
# Set before torch is loaded: its libraries read this once.
os.environ.setdefault("OMP_NUM_THREADS", str(ARGUMENTS.threads))

import torch  # noqa: E402

from networks import METHODS, Nin, check_forms  # noqa: E402
from residual_networks import ResNet, check_residual_forms  # noqa: E402

MODELS = {"nin": (Nin, check_forms), "resnet": (ResNet, check_residual_forms)}


def say(text):
    print(f"bench-pytorch: {text}", file=sys.stderr)


class Contestant:
    """One method in one configuration, with the times of its steps."""

    def __init__(self, method, configuration, width, batch_size, shape):
        self.method, self.batch_size, self.seconds, self.reason = method, batch_size, [], ""
        self.layout, self.optimizer_name, self.mode = configuration
        self.format = torch.channels_last if self.layout == "channels-last" else torch.contiguous_format
        channels, side = shape
        torch.manual_seed(0)
        self.images = torch.randint(0, 256, (IMAGES, channels, side, side), dtype=torch.uint8)
        self.labels = torch.randint(0, 10, (IMAGES,))
        self.order, self.position = torch.randperm(IMAGES), 0
        self.network = MODELS[ARGUMENTS.model][0](method, channels, width).to(memory_format=self.format)
        weights = [p for p in self.network.parameters() if p.dim() > 1]
        others = [p for p in self.network.parameters() if p.dim() == 1]
        groups = [{"params": weights, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0.0}]
        chosen = {"fused": True} if self.optimizer_name == "fused" else {"foreach": True}
        self.optimizer = torch.optim.SGD(groups, lr=1e-4, momentum=0.9, **chosen)
        self.loss = torch.compile(self.network, dynamic=False) if self.mode == "compile" else self.network

    def batch(self):
        """Bytes to normalized floats in the layout that the network takes."""
        if self.position + self.batch_size > IMAGES:
            self.position = 0
        chosen = self.order[self.position:self.position + self.batch_size]
        self.position += self.batch_size
        images = self.images[chosen].to(torch.float32).sub_(127.5).div_(73.9)
        return images.contiguous(memory_format=self.format), self.labels[chosen]

    def step(self):
        """One training step: seconds in all, and of its phases."""
        clock = [time.perf_counter()]
        images, labels = self.batch()
        clock.append(time.perf_counter())
        loss = self.loss(images, labels)
        value = loss.item()
        clock.append(time.perf_counter())
        loss.backward()
        clock.append(time.perf_counter())
        self.optimizer.step()
        self.network.after_step()
        self.optimizer.zero_grad(set_to_none=True)
        clock.append(time.perf_counter())
        if math.isnan(value):
            raise ArithmeticError("the loss is not a number")
        return [clock[-1] - clock[0]] + [after - before for before, after in zip(clock, clock[1:])]

    def row(self, width, threads):
        norm, _, form = self.method.partition("-")
        row = {"norm": norm, "form": form, "layout": self.layout, "optimizer": self.optimizer_name, "mode": self.mode,
               "model": ARGUMENTS.model, "width": width, "batch_size": self.batch_size, "threads": threads,
               "rounds": len(self.seconds), "not_measured": self.reason}
        if self.seconds:
            total, *phases = ([1e3 * second for second in column] for column in zip(*self.seconds))
            row.update(zip(("data_ms", "forward_ms", "backward_ms", "update_ms"), map(statistics.median, phases)))
            row["step_ms"], row["step_ms_min"] = statistics.median(total), min(total)
            if len(total) > 1:
                row["step_ms_q1"], _, row["step_ms_q3"] = statistics.quantiles(total, n=4, method="inclusive")
        return {column: row.get(column) for column in COLUMNS}


def prepare(method, configuration, width, batch_size, shape, warmup):
    """A contestant that has trained its first steps, or one that says why it cannot."""
    contestant = Contestant.__new__(Contestant)
    try:
        contestant.__init__(method, configuration, width, batch_size, shape)
        for _ in range(1 + warmup):
            contestant.step()
    except Exception as error:  # Any failure of torch.compile on this machine leaves this configuration out.
        contestant.reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
        say(f"{method}, {', '.join(configuration)} is left out: {contestant.reason}")
    return contestant


def visit(contestants, rounds):
    """Rounds in which every contestant takes a step, in an order that rotates and is reversed every other time. The first
    round, in which caches fill, is not counted. `rounds` tells whether the rounds and seconds so far are enough."""
    count, done, begun = len(contestants), -1, time.perf_counter()
    while not rounds(done, time.perf_counter() - begun):
        order = [contestants[(done + turn) % count] for turn in range(count)]
        for contestant in reversed(order) if done // count % 2 else order:
            seconds = contestant.step()
            if done >= 0:
                contestant.seconds.append(seconds)
        done += 1


def measure(groups):
    """Visits every configuration in turn."""
    steps = ARGUMENTS.steps

    def enough(done, seconds):
        if steps:
            return done >= math.ceil(steps / VISITS)
        at_least, at_most = AT_LEAST / VISITS, AT_MOST / VISITS
        return done >= at_most or (done >= at_least and seconds >= SECONDS / VISITS)

    for _ in range(VISITS):
        for group in groups:
            visit(group, enough)


def cell(width, batch_size):
    """Every method in every configuration in one setting."""
    wanted = [method for method in METHODS if method.partition("-")[0] in ARGUMENTS.norm.split(",")]
    configurations = [c for c in CONFIGURATIONS if not (ARGUMENTS.no_compile and c[2] == "compile")]
    torch._dynamo.reset()
    contestants = [prepare(method, configuration, width, batch_size, SHAPES[ARGUMENTS.dataset], ARGUMENTS.warmup)
                   for method in wanted for configuration in configurations]
    groups = [[c for c in contestants if not c.reason and (c.layout, c.optimizer_name, c.mode) == configuration]
              for configuration in configurations]
    measure([group for group in groups if group])
    say(f"batch size {batch_size}, width {width}: {max(len(c.seconds) for c in contestants)} rounds")
    return [contestant.row(width, ARGUMENTS.threads) for contestant in contestants]


def main():
    known = {method.partition("-")[0] for method in METHODS}
    for norm in ARGUMENTS.norm.split(","):
        if norm not in known:
            sys.exit(f"bench-pytorch: unknown method {norm} (known: {', '.join(sorted(known))})")
    torch.set_num_threads(ARGUMENTS.threads)
    MODELS[ARGUMENTS.model][1]()
    # Each method and configuration is compiled on its own; the limit is meant for one function that keeps changing.
    torch._dynamo.config.recompile_limit = 64
    try:
        rows = [row for width in map(float, ARGUMENTS.widths.split(","))
                for size in map(int, ARGUMENTS.batch_sizes.split(",")) for row in cell(width, size)]
    except ArithmeticError as error:
        sys.exit(f"bench-pytorch: {error}: a training failed, and its times would be meaningless")
    machine = {"torch": torch.__version__, "python": platform.python_version(), "threads": torch.get_num_threads(),
               "cpu_capability": torch.backends.cpu.get_cpu_capability(), "cores": os.cpu_count()}
    if ARGUMENTS.out:
        os.makedirs(ARGUMENTS.out, exist_ok=True)
        with open(os.path.join(ARGUMENTS.out, "pytorch.csv"), "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    if ARGUMENTS.json:
        print(json.dumps({"rows": rows, "machine": machine}, indent=1))
        return
    for row in rows:
        name = " ".join(filter(None, (row["norm"], row["form"])))
        time_ms = f"{row['step_ms']:9.3f} ms" if row["rounds"] else f"not measured: {row['not_measured']}"
        print(f"{name:20} width {row['width']:<6} batch {row['batch_size']:<4} "
              f"{row['mode']:8} {row['layout']:14} {row['optimizer']:8} {time_ms}")


main()
