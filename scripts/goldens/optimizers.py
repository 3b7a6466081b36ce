"""Writes tests/goldens/optimizers.json: ten steps of SGD, Adam, AdamW and RMSProp with every switch, in float64, from the
formulas in PyTorch's documentation of torch.optim, number by number.

Parameters and gradients are waves: number k, from 0, of the parameter is 2·sin(0.7·k + 0.1), and of the gradient of step t,
from 1, (0.2 + 0.1·k)·sin(1.3·k + 0.9·t), but 0 where k + t is a multiple of 4.

Usage: python scripts/goldens/optimizers.py [--torch] [output]; with --torch the optimizers of an installed PyTorch take the
same steps, and the script ends with an error where a number differs by more than 1e-12.
"""

import itertools
import math
import sys
from pathlib import Path

from lines import lines

SIZE, STEPS, RATE = 7, 10, 0.03
START = [2 * math.sin(0.7 * k + 0.1) for k in range(SIZE)]


def gradient(t):
    return [0.0 if (k + t) % 4 == 0 else (0.2 + 0.1 * k) * math.sin(1.3 * k + 0.9 * t) for k in range(SIZE)]


def sgd(p, g, state, t, momentum, nesterov, weight_decay):
    g += weight_decay * p
    if momentum == 0:
        return p - RATE * g
    state["b"] = g if t == 1 else momentum * state["b"] + g
    return p - RATE * (g + momentum * state["b"] if nesterov else state["b"])


def adam(p, g, state, t, beta1, beta2, eps, weight_decay, amsgrad, decoupled):
    if decoupled:
        p -= RATE * weight_decay * p
    else:
        g += weight_decay * p
    m = state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g * g
    largest = state["largest"] = max(state.get("largest", 0.0), v)
    m_hat, v_hat = m / (1 - beta1**t), (largest if amsgrad else v) / (1 - beta2**t)
    return p - RATE * m_hat / (math.sqrt(v_hat) + eps)


def rmsprop(p, g, state, t, alpha, eps, weight_decay, momentum, centered):
    g += weight_decay * p
    v = state["v"] = alpha * state.get("v", 0.0) + (1 - alpha) * g * g
    if centered:
        average = state["average"] = alpha * state.get("average", 0.0) + (1 - alpha) * g
        v -= average * average
    if momentum == 0:
        return p - RATE * g / (math.sqrt(v) + eps)
    b = state["b"] = momentum * state.get("b", 0.0) + g / (math.sqrt(v) + eps)
    return p - RATE * b


def cases():
    for momentum, nesterov, decay in itertools.product([0.0, 0.9], [False, True], [0.0, 0.1]):
        if momentum or not nesterov:
            yield sgd, {"momentum": momentum, "nesterov": nesterov, "weight_decay": decay}
    for decoupled, amsgrad, decay in itertools.product([False, True], [False, True], [0.0, 0.1]):
        yield adam, {
            "beta1": 0.85, "beta2": 0.97, "eps": 1e-3, "weight_decay": decay, "amsgrad": amsgrad, "decoupled": decoupled,
        }
    yield adam, {
        "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False, "decoupled": False,
    }
    for momentum, centered, decay in itertools.product([0.0, 0.9], [False, True], [0.0, 0.1]):
        yield rmsprop, {"alpha": 0.95, "eps": 1e-3, "weight_decay": decay, "momentum": momentum, "centered": centered}


def steps(formula, settings):
    """The parameter after each step."""
    p, states, after = list(START), [{} for _ in START], []
    for t in range(1, STEPS + 1):
        p = [formula(*numbers, t, **settings) for numbers in zip(p, gradient(t), states)]
        after.append(p)
    return after


def torchs(formula, settings):
    """The same by PyTorch."""
    import torch

    p = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    keys, name = dict(settings), formula.__name__
    if name == "adam":
        keys["betas"] = (keys.pop("beta1"), keys.pop("beta2"))
        name = "AdamW" if keys.pop("decoupled") else "Adam"
    optimizer = getattr(torch.optim, {"sgd": "SGD", "rmsprop": "RMSprop"}.get(name, name))([p], lr=RATE, **keys)
    after = []
    for t in range(1, STEPS + 1):
        p.grad = torch.tensor(gradient(t), dtype=torch.float64)
        optimizer.step()
        after.append(p.tolist())
    return after


def main():
    arguments = sys.argv[1:]
    against_torch = "--torch" in arguments
    outputs = [argument for argument in arguments if not argument.startswith("--")]
    golden = [{"optimizer": formula.__name__, **settings, "after": steps(formula, settings)} for formula, settings in cases()]
    if against_torch:
        import torch

        for (formula, settings), case in zip(cases(), golden):
            gaps = [abs(a - b) for ours, own in zip(case["after"], torchs(formula, settings)) for a, b in zip(ours, own)]
            if max(gaps) > 1e-12:
                sys.exit(f"PyTorch {torch.__version__} differs by {max(gaps)}: {formula.__name__} {settings}")
            print(f"{max(gaps):.1e}", formula.__name__, settings)
        print(f"{len(golden)} cases equal PyTorch {torch.__version__} to 1e-12")
    default = Path(__file__).parents[2] / "tests/goldens/optimizers.json"
    document = {"lr": RATE, "start": START, "gradients": [gradient(t) for t in range(1, STEPS + 1)], "cases": golden}
    Path(*outputs or [default]).write_text(lines(document, 2) + "\n")


if __name__ == "__main__":
    main()
