#!/usr/bin/env python3
"""Writes tests/goldens/residual_networks.json: ResNet-20 with batch normalization, in float64.

For both orders of a unit and both shortcuts: logits in training, then logits in evaluation after one step of plain
gradient descent on the mean cross-entropy. Weights are sines, by the number of a tensor in the order of its layers, so
that the file holds none. Running averages follow PyTorch: momentum 0.1, unbiased variance.

Needs numpy and torch 2.13. Usage: python scripts/goldens/residual_networks.py [output]
"""

import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

from lines import lines

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

UNITS, CHANNELS, LR, EPS, MOMENTUM = 3, (16, 32, 64), 0.01, 1e-5, 0.1
IMAGES = (4, 3, 16, 16)


def sines(shape, number, scale):
    index = torch.arange(math.prod(shape))
    return (scale * torch.sin((index * index % 10007) * 0.37 + 0.3 * number)).reshape(shape)


class Network:
    """Tensors by name, made when they are first asked for."""

    def __init__(self, order, projects):
        self.order, self.projects = order, projects
        self.tensors, self.averages, self.training = {}, {}, True

    def tensor(self, name, shape, center, scale):
        if name not in self.tensors:
            values = center + sines(shape, len(self.tensors), scale)
            self.tensors[name] = values.requires_grad_()
        return self.tensors[name]

    def conv(self, name, x, outputs, kernel, stride):
        shape = (outputs, x.shape[1], kernel, kernel)
        weight = self.tensor(f"{name}.weight", shape, 0.0, math.sqrt(4 / math.prod(shape[1:])))
        return F.conv2d(x, weight, stride=stride, padding=kernel // 2)

    def norm(self, name, x):
        size = (x.shape[1],)
        gamma, beta = self.tensor(f"{name}.gamma", size, 1.0, 0.2), self.tensor(f"{name}.beta", size, 0.0, 0.2)
        mean, var = self.averages.setdefault(name, (torch.zeros(size), torch.ones(size)))
        return F.batch_norm(x, mean, var, gamma, beta, self.training, MOMENTUM, EPS)

    def unit(self, name, x, outputs, stride):
        changes = stride != 1 or x.shape[1] != outputs
        if self.order == "v2":
            h = torch.relu(self.norm(f"{name}-entry", x))
            out = torch.relu(self.norm(f"{name}-conv1", self.conv(f"{name}-conv1", h, outputs, 3, stride)))
            shortcut = self.conv(f"{name}-shortcut", h, outputs, 1, stride) if changes and self.projects else None
            out = self.conv(f"{name}-conv2", out, outputs, 3, 1)
        else:
            out = torch.relu(self.norm(f"{name}-conv1", self.conv(f"{name}-conv1", x, outputs, 3, stride)))
            shortcut = None
            if changes and self.projects:
                projected = self.conv(f"{name}-shortcut", x, outputs, 1, stride)
                shortcut = self.norm(f"{name}-shortcut", projected)
            out = self.norm(f"{name}-conv2", self.conv(f"{name}-conv2", out, outputs, 3, 1))
        if shortcut is None:
            shortcut = F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, outputs - x.shape[1]))
        return torch.relu(shortcut + out) if self.order == "v1" else shortcut + out

    def logits(self, x):
        x = self.conv("stem", x, CHANNELS[0], 3, 1)
        if self.order == "v1":
            x = torch.relu(self.norm("stem", x))
        for stage, outputs in enumerate(CHANNELS):
            for unit in range(UNITS):
                stride = 2 if stage > 0 and unit == 0 else 1
                x = self.unit(f"s{stage + 1}u{unit + 1}", x, outputs, stride)
        if self.order == "v2":
            x = torch.relu(self.norm("head", x))
        weight = self.tensor("logits.weight", (10, x.shape[1]), 0.0, 0.2)
        bias = self.tensor("logits.bias", (10,), 0.0, 0.1)
        return F.linear(x.mean((2, 3)), weight, bias)


def case(order, projects):
    network = Network(order, projects)
    images, labels = sines(IMAGES, 5, 1.5), torch.tensor([1, 4, 7, 2])
    logits = network.logits(images)
    loss = F.cross_entropy(logits, labels)
    gradients = torch.autograd.grad(loss, list(network.tensors.values()))
    with torch.no_grad():
        for tensor, gradient in zip(network.tensors.values(), gradients):
            tensor -= LR * gradient
        network.training = False
        after = network.logits(images)
    return {
        "order": order,
        "shortcut": "B" if projects else "A",
        "parameters": sum(tensor.numel() for tensor in network.tensors.values()),
        "logits": logits.flatten().tolist(),
        "loss": loss.item(),
        "gradient_squares": {name: g.square().sum().item() for name, g in zip(network.tensors, gradients)},
        "logits_after": after.flatten().tolist(),
    }


def main():
    cases = [case(order, projects) for order in ("v1", "v2") for projects in (False, True)]
    default = Path(__file__).parents[2] / "tests/goldens/residual_networks.json"
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    path.write_text(lines({"cases": cases}, 2) + "\n")


if __name__ == "__main__":
    main()
