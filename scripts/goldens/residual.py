"""Writes tests/goldens/residual.json: single residual units in float64, forward and backward, from their formulas.

A case has the unit's input x and parameters, named as the program names them, an upstream gradient, the output and the
gradients of sum(output * upstream) by every input. Numbers come from fill(): scale * sin(a * k + b), k counting elements.

Needs numpy. Usage: python scripts/goldens/residual.py [output]
"""

import math
import sys
from pathlib import Path

import numpy as np

from lines import lines

BN_EPS = 1e-5
NF_GAIN = math.sqrt(2 / (1 - 1 / math.pi))
NF_ALPHA, NF_BETA = 0.2, 1.2


def fill(shape, a, b, scale=1.0):
    return scale * np.sin(a * np.arange(math.prod(shape), dtype=np.float64) + b).reshape(shape)


# ------------------------------------------------------------------------------ operations and their derivatives


class Value:
    """A number array, and for each value it was made from the map from its gradient to that one's."""

    def __init__(self, data, parents=()):
        self.data, self.parents = np.asarray(data, dtype=np.float64), parents


def gradients(output, upstream, wanted):
    """The gradients of sum(output * upstream) by `wanted`."""
    order, seen = [], set()

    def visit(value):
        if id(value) not in seen:
            seen.add(id(value))
            for parent, _ in value.parents:
                visit(parent)
            order.append(value)

    visit(output)
    sums = {id(value): np.zeros_like(value.data) for value in order}
    sums[id(output)] = upstream
    for value in reversed(order):
        for parent, vjp in value.parents:
            sums[id(parent)] = sums[id(parent)] + vjp(sums[id(value)])
    return [sums[id(value)] for value in wanted]


def add(a, b):
    return Value(a.data + b.data, [(a, lambda g: g), (b, lambda g: g)])


def scaled(x, factor):
    return Value(x.data * factor, [(x, lambda g: g * factor)])


def relu(x):
    return Value(np.maximum(x.data, 0), [(x, lambda g: g * (x.data > 0))])


def times(x, number):
    """x times a trained number."""
    return Value(x.data * number.data, [(x, lambda g: g * number.data), (number, lambda g: np.array([(g * x.data).sum()]))])


def plus_channels(x, shift):
    return Value(x.data + shift.data[:, None, None], [(x, lambda g: g), (shift, lambda g: g.sum((0, 2, 3)))])


def times_channels(x, gain):
    by_gain = lambda g: (g * x.data).sum((0, 2, 3))
    return Value(x.data * gain.data[:, None, None], [(x, lambda g: g * gain.data[:, None, None]), (gain, by_gain)])


def convolution(x, w, stride=1):
    """Zero padding of half the kernel."""
    side = w.data.shape[2]
    padding = side // 2
    padded = np.pad(x.data, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    height, width = ((length - side) // stride + 1 for length in padded.shape[2:])
    taps = [(i, j, np.s_[:, :, i : i + stride * height : stride, j : j + stride * width : stride]) for i in range(side) for j in range(side)]
    y = sum(np.einsum("oc,nchw->nohw", w.data[:, :, i, j], padded[seen]) for i, j, seen in taps)

    def by_x(g):
        out = np.zeros_like(padded)
        for i, j, seen in taps:
            out[seen] += np.einsum("oc,nohw->nchw", w.data[:, :, i, j], g)
        return out[:, :, padding : out.shape[2] - padding, padding : out.shape[3] - padding]

    def by_w(g):
        out = np.zeros_like(w.data)
        for i, j, seen in taps:
            out[:, :, i, j] = np.einsum("nohw,nchw->oc", g, padded[seen])
        return out

    return Value(y, [(x, by_x), (w, by_w)])


def standardized(x, axes, floor):
    """(x - mean) / sqrt(floor(variance)), mean and biased variance over `axes`; floor(v) is v + c, or c where v is below."""
    centered = x.data - x.data.mean(axes, keepdims=True)
    variance = (centered**2).mean(axes, keepdims=True)
    floored, follows = floor(variance)
    std = np.sqrt(floored)
    y = centered / std

    def by_x(g):
        along = (g * y).mean(axes, keepdims=True) * follows
        return (g - g.mean(axes, keepdims=True) - y * along) / std

    return Value(y, [(x, by_x)])


def batch_norm(x, gamma, beta):
    """With the statistics of the batch."""
    normalized = standardized(x, (0, 2, 3), lambda v: (v + BN_EPS, 1.0))
    return plus_channels(times_channels(normalized, gamma), beta)


def scaled_standardization(w, gain):
    """gain * (w - mean) / sqrt(max(n * variance, 1e-4)), row by row with n weights."""
    n = math.prod(w.data.shape[1:])
    rows = standardized(w, (1, 2, 3), lambda v: (np.maximum(v, 1e-4 / n), (v > 1e-4 / n).astype(float)))
    rows = scaled(rows, 1 / math.sqrt(n))
    by_gain = lambda g: (g * rows.data).sum((1, 2, 3))
    return Value(rows.data * gain.data[:, None, None, None], [(rows, lambda g: g * gain.data[:, None, None, None]), (gain, by_gain)])


def padded_shortcut(x, channels):
    """Option A: every other row and column, zeros as the last channels."""
    inputs = x.data.shape[1]
    taken = x.data[:, :, ::2, ::2]

    def by_x(g):
        out = np.zeros_like(x.data)
        out[:, :, ::2, ::2] = g[:, :inputs]
        return out

    return Value(np.pad(taken, ((0, 0), (0, channels - inputs), (0, 0), (0, 0))), [(x, by_x)])


# ------------------------------------------------------------------------------------------------------- units


def v1(p, stride, shortcut):
    """relu(shortcut(x) + BN(W2 relu(BN(W1 x))))."""
    x = p["x"]
    hidden = relu(normalized_convolution(p, "conv1", x, stride))
    branch = normalized_convolution(p, "conv2", hidden, 1)
    if shortcut == "A":
        kept = padded_shortcut(x, branch.data.shape[1])
    elif shortcut == "B":
        kept = normalized_convolution(p, "shortcut", x, stride)
    else:
        kept = x
    return relu(add(kept, branch))


def normalized_convolution(p, block, x, stride):
    linear = convolution(x, p[f"{block}.weight"], stride)
    return batch_norm(linear, p[f"{block}.gamma"], p[f"{block}.beta"])


def v2(p, stride, shortcut):
    """x + W2 relu(BN(W1 relu(BN(x)))); a 1x1 convolution receives relu(BN(x))."""
    x = p["x"]
    entry = relu(batch_norm(x, p["entry.gamma"], p["entry.beta"]))
    hidden = relu(normalized_convolution(p, "conv1", entry, stride))
    branch = convolution(hidden, p["conv2.weight"])
    kept = convolution(entry, p["shortcut.weight"], stride) if shortcut == "B" else x
    return add(kept, branch)


def nf(p, stride, shortcut):
    """x + alpha s W2 act(W1 act(x / beta)) with standardized W and act(x) = relu(x) / sd(relu(z))."""
    x = p["x"]

    def linear(block, value, stride):
        kernel = scaled_standardization(p[f"{block}.weight"], p[f"{block}.gamma"])
        return plus_channels(convolution(value, kernel, stride), p[f"{block}.bias"])

    entry = scaled(relu(x), NF_GAIN / NF_BETA)
    hidden = scaled(relu(linear("conv1", entry, stride)), NF_GAIN)
    branch = times(scaled(linear("conv2", hidden, 1), NF_ALPHA), p["conv2.skip_gain"])
    kept = linear("shortcut", entry, stride) if shortcut == "B" else x
    return add(kept, branch)


# ------------------------------------------------------------------------------------------------------- cases

X = fill((2, 2, 4, 4), 0.37, 0.2)
FOUR_GAINS, FOUR_SHIFTS = [1.1, 0.8, 1.0, 0.9], [0.1, -0.2, 0.05, 0.0]


def weights(outputs):
    return {
        "conv1.weight": fill((outputs, 2, 3, 3), 0.71, 0.1, 0.5),
        "conv2.weight": fill((outputs, outputs, 3, 3), 1.13, 0.6, 0.5),
    }


def affine(block, gains, shifts, shift="beta"):
    return {f"{block}.gamma": np.array(gains), f"{block}.{shift}": np.array(shifts)}


def basic(first, shift="beta"):
    return {"x": X} | weights(2) | affine(first, [1.1, 0.8], [0.1, -0.2], shift)


def transition():
    return {"x": X} | weights(4)


def shortcut():
    return {"shortcut.weight": fill((4, 2, 1, 1), 0.53, 0.9, 0.7)}


def first_and_second(shift="beta"):
    return affine("conv1", FOUR_GAINS, FOUR_SHIFTS, shift) | affine("conv2", [0.7, 1.3, 1, 1.1], [0, 0.2, -0.1, 0.1], shift)


def cases():
    second = ([0.9, 1.2], [-0.1, 0.3])
    zeros = [0.0] * 4
    gain = {"conv2.skip_gain": np.array([0.6])}
    return {
        "v1_bn_basic": case(v1, 1, "", basic("conv1") | affine("conv2", *second)),
        "v1_bn_transition_A": case(v1, 2, "A", transition() | first_and_second()),
        "v1_bn_transition_B": case(
            v1, 2, "B", transition() | first_and_second() | shortcut() | affine("shortcut", [1, 0.9, 1.1, 0.8], zeros)
        ),
        "v2_bn_basic": case(v2, 1, "", basic("entry") | affine("conv1", *second)),
        "v2_bn_transition": case(
            v2,
            2,
            "B",
            transition() | affine("entry", [1.1, 0.8], [0.1, -0.2]) | affine("conv1", FOUR_GAINS, FOUR_SHIFTS) | shortcut(),
        ),
        "nf_basic": case(nf, 1, "", basic("conv1", "bias") | affine("conv2", *second, "bias") | gain),
        "nf_transition": case(
            nf,
            2,
            "B",
            transition() | first_and_second("bias") | shortcut() | affine("shortcut", [1.0] * 4, zeros, "bias") | gain,
        ),
    }


def dump(array):
    return {"shape": list(array.shape), "values": array.ravel().tolist()}


def case(unit, stride, shortcut, arrays):
    values = {name: Value(array) for name, array in arrays.items()}
    output = unit(values, stride, shortcut)
    upstream = fill(output.data.shape, 0.9, 0.4)
    found = gradients(output, upstream, values.values())
    return {
        "inputs": {name: dump(value.data) for name, value in values.items()},
        "upstream": dump(upstream),
        "output": dump(output.data),
        "gradients": {name: dump(gradient) for name, gradient in zip(values, found)},
    }


def main():
    default = Path(__file__).resolve().parents[2] / "tests" / "goldens" / "residual.json"
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    content = {"numpy": np.__version__, "cases": cases()}
    path.write_text(lines(content, 4) + "\n")


if __name__ == "__main__":
    main()
