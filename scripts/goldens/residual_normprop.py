#!/usr/bin/env python3
"""Writes tests/goldens/residual_normprop.json: units of Normalization Propagation in residual networks, in float64.

Forward passes with the gradients of sum(output * upstream) by every input, on small inputs that are sines.
The constants of the rectified sum are found by Simpson's rule.

Needs numpy and torch 2.13. Usage: python scripts/goldens/residual_normprop.py [output]
"""

import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

from lines import lines

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

MEAN = 1 / math.sqrt(2 * math.pi)
STD = math.sqrt(0.5 - 0.5 / math.pi)
ROWS_EPS = 1e-12
X = (2, 2, 4, 4)
ALPHA, BETA = 0.5, 1.25


def sines(shape, step, start, scale=1.0):
    count = math.prod(shape)
    return (scale * torch.sin(step * torch.arange(count) + start)).reshape(shape)


def leaf(values):
    return torch.as_tensor(values).clone().requires_grad_()


def dump(tensor):
    tensor = tensor.detach()
    return {"shape": list(tensor.shape), "values": tensor.flatten().tolist()}


def unit(weight):
    rows = weight.flatten(1)
    return (rows / (rows.square().sum(1, keepdim=True) + ROWS_EPS).sqrt()).reshape(weight.shape)


def conv(x, weight, gain, shift, stride=1):
    out = F.conv2d(x, unit(weight), stride=stride, padding=weight.shape[2] // 2)
    return gain.reshape(1, -1, 1, 1) * out + shift.reshape(1, -1, 1, 1)


def act(x, mean=MEAN, std=STD):
    return (torch.relu(x) - mean) / std


def channels(vector):
    return vector.reshape(1, -1, 1, 1)


def rectified_sum():
    """Mean and standard deviation of max(u, 0), u = (x + g)/sqrt 2, x a standardized rectified Gaussian."""
    density = lambda z: math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    cumulative = lambda z: 0.5 * math.erfc(-z / math.sqrt(2))

    def moments(x):
        mean, std = x / math.sqrt(2), math.sqrt(0.5)
        ratio = mean / std
        first = mean * cumulative(ratio) + std * density(ratio)
        return first, (mean * mean + std * std) * cumulative(ratio) + mean * std * density(ratio)

    count, reach = 20_000, 12.0
    step = reach / count
    sums = [0.5 * value for value in moments(-MEAN / STD)]
    for index in range(count + 1):
        weight = step / 3 * (1 if index in (0, count) else 4 if index % 2 else 2)
        for power, value in enumerate(moments((index * step - MEAN) / STD)):
            sums[power] += weight * density(index * step) * value
    return sums[0], math.sqrt(sums[1] - sums[0] ** 2)


def branch_inputs():
    return {
        "w1": leaf(sines((2, 2, 3, 3), 0.71, 0.1, 0.5)),
        "w2": leaf(sines((2, 2, 3, 3), 1.13, 0.6, 0.5)),
        "g1": leaf([1.1, 0.8]),
        "b1": leaf([0.1, -0.2]),
        "g2": leaf([0.9, 1.2]),
        "b2": leaf([-0.1, 0.3]),
    }


def branch(h, t):
    return conv(act(conv(h, t["w1"], t["g1"], t["b1"])), t["w2"], t["g2"], t["b2"])


def alpha_beta(t):
    return t["x"] + ALPHA * branch(act(t["x"] / BETA), t)


def tracked(t):
    h = act((t["x"] - channels(t["mu"])) / channels(t["va"]).sqrt())
    return t["x"] + ALPHA * branch(h, t)


def next_moments(t):
    """Mean and variance of each of the stream's channels behind the unit, the branch followed through both layers."""
    w1, w2, length = unit(t["w1"]), unit(t["w2"]), t["g1"].abs()
    ratio = t["b1"] / length
    positive, density = torch.special.ndtr(ratio), torch.exp(-ratio.square() / 2) / math.sqrt(2 * math.pi)
    first = t["b1"] * positive + length * density
    second = (t["b1"].square() + length.square()) * positive + t["b1"] * length * density
    mean, variance = (first - MEAN) / STD, (second - first.square()) / STD**2
    branch_mean = t["g2"] * torch.einsum("ijyx,j->i", w2, mean) + t["b2"]
    branch_variance = t["g2"].square() * torch.einsum("ijyx,j->i", w2.square(), variance)
    side = w1.shape[2]
    paths = sum(
        torch.einsum("ij,j,ji->i", w2[:, :, y, x], positive / STD * t["g1"], w1[:, :, side - 1 - y, side - 1 - x])
        for y in range(side)
        for x in range(side)
    )
    covariance = t["va"].sqrt() * t["g2"] * (0.5 / STD) * paths
    variance = t["va"] + ALPHA**2 * branch_variance + 2 * ALPHA * covariance
    return torch.stack([t["mu"] + ALPHA * branch_mean, variance])


def transition(t):
    h = act(t["x"] / BETA)
    f = conv(act(conv(h, t["w1"], t["g1"], t["b1"], 2)), t["w2"], t["g2"], t["b2"])
    return conv(h, t["ws"], t["gs"], t["bs"], 2) + ALPHA * f


def v1_sqrt2(t):
    f = branch(t["x"], t)
    return act((t["x"] + f) / math.sqrt(2), *rectified_sum())


def case(function, inputs):
    output = function(inputs)
    upstream = sines(output.shape, 0.9, 0.4)
    gradients = torch.autograd.grad((output * upstream).sum(), list(inputs.values()))
    return {
        "inputs": {name: dump(tensor) for name, tensor in inputs.items()},
        "upstream": dump(upstream),
        "output": dump(output),
        "gradients": {name: dump(gradient) for name, gradient in zip(inputs, gradients)},
    }


def main():
    x = sines(X, 0.37, 0.2)
    of_transition = {
        "x": leaf(x),
        "w1": leaf(sines((4, 2, 3, 3), 0.71, 0.1, 0.5)),
        "w2": leaf(sines((4, 4, 3, 3), 1.13, 0.6, 0.5)),
        "ws": leaf(sines((4, 2, 1, 1), 0.53, 0.9, 0.7)),
        "g1": leaf([1.1, 0.8, 1.0, 0.9]),
        "b1": leaf([0.1, -0.2, 0.05, 0.0]),
        "g2": leaf([0.7, 1.3, 1.0, 1.1]),
        "b2": leaf([0.0, 0.2, -0.1, 0.1]),
        "gs": leaf([1.0, 0.9, 1.1, 0.8]),
        "bs": leaf([0.0, 0.1, -0.1, 0.2]),
    }
    moments = {"mu": leaf([0.1, -0.2]), "va": leaf([1.3, 0.9])}
    of_matrices = {
        **moments,
        **branch_inputs(),
        "w1": leaf([[0.6, -0.3], [0.2, 0.9]]).reshape(2, 2, 1, 1),
        "w2": leaf([[0.5, 0.5], [-0.4, 0.8]]).reshape(2, 2, 1, 1),
    }
    cases = {
        "alpha-beta": case(alpha_beta, {"x": leaf(x), **branch_inputs()}),
        "next-moments": case(next_moments, {**moments, **branch_inputs()}),
        "next-moments-1x1": case(next_moments, of_matrices),
        "projection": case(transition, of_transition),
        "tracked": case(tracked, {"x": leaf(x), **moments, **branch_inputs()}),
        "v1-sqrt2": case(v1_sqrt2, {"x": leaf(x), **branch_inputs()}),
    }
    default = Path(__file__).parents[2] / "tests/goldens/residual_normprop.json"
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    path.write_text(lines({"cases": cases}, 2) + "\n")


if __name__ == "__main__":
    main()
