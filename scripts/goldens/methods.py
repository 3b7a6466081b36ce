"""Writes tests/goldens/methods.json: what PyTorch computes in float64 for the methods and for ten SGD steps.

Part "cases": forward and backward passes of single layers on small hand-written inputs.
Part "training": losses and final parameters of a small MLP and a small convolutional network, trained by
torch.optim.SGD from weight directions that are in the file, for `none`, `bn` and every variant of
Normalization Propagation.

Needs numpy and torch 2.13. Usage: python scripts/goldens/methods.py [output]
"""

import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from lines import lines

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

MEAN = 1 / math.sqrt(2 * math.pi)
STD = math.sqrt(0.5 - 0.5 / math.pi)
ROOT_J = math.sqrt(math.pi / (math.pi - 1))

STEPS, LR, MOMENTUM, WEIGHT_DECAY = 10, 0.05, 0.9, 5e-4
BN_EPS, BN_MOMENTUM = 1e-5, 0.1

NORMPROP = [(scale, constraint) for scale in ("init", "fixed", "none") for constraint in ("project", "reparametrize")]
RUNS = [("none", None, None), ("bn", None, None)] + [("normprop", *variant) for variant in NORMPROP]


def dump(tensor):
    tensor = tensor.detach()
    return {"shape": list(tensor.shape), "values": tensor.flatten().tolist()}


# ---------------------------------------------------------------------------------------- single layers

X = torch.tensor([[1, 2, -1], [0, 1, 3], [2, -2, 0.5], [-1, 0, 4]])
W = torch.tensor([[0.5, -1, 2], [1, 1, -0.5]])
U_INPUT = torch.tensor([[1, 0, -2], [0.5, 1, 1], [0, -1, 2], [-1, 0.5, 0]])
U_OUTPUT = torch.tensor([[1, -0.5], [0.25, 2], [-1, 0.75], [0.5, -1.5]])


def leaves(*tensors):
    return [tensor.clone().requires_grad_() for tensor in tensors]


def case(inputs, output, upstream):
    """A forward pass with the gradients of sum(output * upstream) by every input."""
    gradients = torch.autograd.grad((output * upstream).sum(), list(inputs.values()))
    return {
        "inputs": {name: dump(tensor) for name, tensor in inputs.items()},
        "upstream": dump(upstream),
        "output": dump(output),
        "gradients": {name: dump(g) for name, g in zip(inputs, gradients)},
    }


def bn_case():
    x, gamma, beta = leaves(X, torch.ones(3), torch.zeros(3))
    mean, variance = torch.zeros(3), torch.ones(3)
    y = F.batch_norm(x, mean, variance, gamma, beta, True, BN_MOMENTUM, BN_EPS)
    result = case({"x": x, "gamma": gamma, "beta": beta}, y, U_INPUT)
    evaluated = F.batch_norm(X, mean, variance, gamma, beta, False, BN_MOMENTUM, BN_EPS)
    return result | {
        "eps": BN_EPS,
        "momentum": BN_MOMENTUM,
        "running_mean": dump(mean),
        "running_var": dump(variance),
        "eval_output": dump(evaluated),
    }


def normprop_case(divisor, gamma, beta):
    x, w, gamma, beta = leaves(X, W, torch.tensor(gamma), torch.tensor(beta))
    directions = w / w.norm(dim=1, keepdim=True)
    y = (torch.relu(gamma * (x @ directions.T) / divisor + beta) - MEAN) / STD
    inputs = {"x": x, "weight": w, "gamma": gamma, "beta": beta}
    return {"divisor": divisor} | case(inputs, y, U_OUTPUT)


def weight_norm_case():
    x, v, g = leaves(X, W, torch.tensor([2.0, 0.5]))
    y = x @ torch._weight_norm(v, g.unsqueeze(1), 0).T
    return case({"x": x, "weight": v, "gain": g}, y, U_OUTPUT)


def cases():
    return {
        "bn": bn_case(),
        "normprop_c1": normprop_case(1.0, [1.0, 1.0], [0.0, 0.0]),
        "normprop_c1.21": normprop_case(1.21, [1.0, 1.0], [0.0, 0.0]),
        "normprop_affine": normprop_case(1.0, [0.8, 1.3], [-0.1, 0.2]),
        "weight_norm": weight_norm_case(),
    }


# --------------------------------------------------------------------------------------------- training


class Layer:
    """Linear operation, method, activation, pool. `pool` is a function or None; the last layer has no activation."""

    def __init__(self, direction, method, jacobian_scale, constraint, pool, last):
        self.method, self.constraint, self.pool, self.last = method, constraint, pool, last
        outputs, fan_in = direction.shape[0], direction[0].numel()
        self.divisor = ROOT_J if jacobian_scale == "fixed" and not last else 1.0
        self.buffers = {}
        if method == "normprop":
            start = 1 / ROOT_J if jacobian_scale == "init" and not last else 1.0
            self.parameters = {
                "weight": unit_rows(direction),
                "gamma": torch.full((outputs,), start),
                "beta": torch.zeros(outputs),
            }
        else:
            self.parameters = {"weight": direction * math.sqrt(2 / fan_in)}
            if method == "bn" and not last:
                self.parameters |= {"gamma": torch.ones(outputs), "beta": torch.zeros(outputs)}
                self.buffers = {"running_mean": torch.zeros(outputs), "running_var": torch.ones(outputs)}
            else:
                self.parameters["bias"] = torch.zeros(outputs)
        for parameter in self.parameters.values():
            parameter.requires_grad_()

    def forward(self, x, training):
        p = self.parameters
        weight = p["weight"]
        if self.constraint == "reparametrize":
            weight = unit_rows(weight)
        apply = {2: F.linear, 4: lambda x, w: F.conv2d(x, w, padding=w.shape[-1] // 2)}[weight.dim()]
        y = apply(x, weight)
        per_channel = (lambda t: t.view(1, -1, 1, 1)) if weight.dim() == 4 else (lambda t: t)
        if "bias" in p:
            y = y + per_channel(p["bias"])
        elif self.method == "normprop":
            y = per_channel(p["gamma"]) * y / self.divisor + per_channel(p["beta"])
        else:
            stats = (self.buffers["running_mean"], self.buffers["running_var"])
            y = F.batch_norm(y, *stats, p["gamma"], p["beta"], training, BN_MOMENTUM, BN_EPS)
        if not self.last:
            y = torch.relu(y)
            if self.method == "normprop":
                y = (y - MEAN) / STD
        return self.pool(y) if self.pool else y

    def after_step(self):
        if self.constraint == "project":
            with torch.no_grad():
                self.parameters["weight"].copy_(unit_rows(self.parameters["weight"]))


def unit_rows(weight):
    norms = weight.flatten(1).norm(dim=1)
    return weight / norms.view(-1, *[1] * (weight.dim() - 1))


def checksum(tensor):
    tensor = tensor.detach()
    return {
        "shape": list(tensor.shape),
        "sum": tensor.sum().item(),
        "sum_of_squares": tensor.square().sum().item(),
    }


def state(layers):
    return {
        f"layer{index}.{name}": checksum(tensor)
        for index, layer in enumerate(layers, 1)
        for name, tensor in (layer.parameters | layer.buffers).items()
    }


def logits_of(layers, x, training):
    for layer in layers:
        x = layer.forward(x, training)
    return x


def train(network, method, jacobian_scale, constraint):
    pools, directions = network["pools"], network["directions"]
    layers = [
        Layer(direction, method, jacobian_scale, constraint, pool, index == len(pools) - 1)
        for index, (direction, pool) in enumerate(zip(directions, pools))
    ]
    groups = [
        {"params": [p for layer in layers for n, p in layer.parameters.items() if n == "weight"], "weight_decay": WEIGHT_DECAY},
        {"params": [p for layer in layers for n, p in layer.parameters.items() if n != "weight"], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=LR, momentum=MOMENTUM, foreach=False)
    initial, losses, size = state(layers), [], network["batch_size"]
    for step in range(STEPS):
        rows = slice(step * size % len(network["labels"]), None)
        x, labels = network["x"][rows][:size], network["labels"][rows][:size]
        optimizer.zero_grad()
        loss = F.cross_entropy(logits_of(layers, x, True), labels)
        loss.backward()
        optimizer.step()
        for layer in layers:
            layer.after_step()
        losses.append(loss.item())
    with torch.no_grad():
        logits = logits_of(layers, network["x"], False)
    return {
        "method": method,
        "jacobian_scale": jacobian_scale,
        "constraint": constraint,
        "losses": losses,
        "eval_loss": F.cross_entropy(logits, network["labels"]).item(),
        "initial": initial,
        "final": state(layers),
    }


def draw(generator, *shape):
    """Standard normal numbers with 6 decimals, so that the file is short and holds them exactly."""
    return torch.from_numpy(np.round(generator.standard_normal(shape), 6))


def networks():
    generator = np.random.default_rng(0)
    max_pool = lambda y: F.max_pool2d(y, 3, stride=2, padding=1)
    average = lambda y: y.mean(dim=(2, 3))
    mlp = {
        "x": draw(generator, 40, 12),
        "labels": torch.from_numpy(generator.integers(0, 4, 40)),
        "batch_size": 8,
        "directions": [draw(generator, *shape) for shape in ((16, 12), (16, 16), (4, 16))],
        "pools": [None, None, None],
        "layers": ["linear 12-16, relu", "linear 16-16, relu", "linear 16-4"],
    }
    conv = {
        "x": draw(generator, 20, 2, 8, 8),
        "labels": torch.from_numpy(generator.integers(0, 3, 20)),
        "batch_size": 4,
        "directions": [draw(generator, *shape) for shape in ((6, 2, 3, 3), (5, 6, 1, 1), (3, 5, 1, 1))],
        "pools": [max_pool, None, average],
        "layers": [
            "conv 3x3 pad 1 2-6, relu, max-pool 3x3 stride 2 pad 1",
            "conv 1x1 6-5, relu",
            "conv 1x1 5-3, global average pool",
        ],
    }
    return {"mlp": mlp, "conv": conv}


def training():
    result = {
        "settings": {
            "steps": STEPS,
            "lr": LR,
            "momentum": MOMENTUM,
            "weight_decay": WEIGHT_DECAY,
            "weight_decay_on": "weight only",
            "loss": "mean cross-entropy",
            "batch_of_step": "rows step * batch_size modulo the number of rows, step from 0",
            "bn_eps": BN_EPS,
            "bn_momentum": BN_MOMENTUM,
            "initial_weight": {
                "none": "direction * sqrt(2 / fan_in)",
                "bn": "direction * sqrt(2 / fan_in)",
                "normprop": "direction / norm of its row",
            },
            "last_layer": {
                "none": "linear with bias",
                "bn": "linear with bias, no normalization",
                "normprop": "unit rows, trainable gamma from 1 (no Jacobian factor), trainable beta from 0, not centered",
            },
        }
    }
    for name, network in networks().items():
        result[name] = {
            "layers": network["layers"],
            "batch_size": network["batch_size"],
            "x": dump(network["x"]),
            "labels": network["labels"].tolist(),
            "directions": {f"layer{i}.weight": dump(d) for i, d in enumerate(network["directions"], 1)},
            "runs": [train(network, *run) for run in RUNS],
        }
    return result


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "tests/goldens/methods.json"
    document = {
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
        "constants": {"mean": MEAN, "std": STD, "jacobian_root": ROOT_J},
        "cases": cases(),
        "training": training(),
    }
    output.write_text(lines(document, 4) + "\n")
    print(f"{output}: {output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
