"""Writes tests/goldens/residual_rivals.json: what jax computes in float64 for units of the methods that are made for
residual networks, from their formulas, forward and backward, and what their starts are.

Tensors are waves: number k, from 0 in row-major order, is scale·sin(a·k + b).

Needs jax. Usage: python scripts/goldens/residual_rivals.py [output]
"""

import math
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from lines import lines

jax.config.update("jax_enable_x64", True)


def wave(shape, a, b, scale=1.0):
    return scale * np.sin(a * np.arange(math.prod(shape)) + b).reshape(shape)


def convolution(x, weight, stride=1):
    padding = weight.shape[2] // 2
    return jax.lax.conv_general_dilated(
        x, weight, (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NCHW", "OIHW", "NCHW")
    )


def channels(vector):
    return vector.reshape(1, -1, 1, 1)


def relu(x):
    return jnp.maximum(x, 0)


def dump(tensor):
    return {"shape": list(tensor.shape), "values": np.asarray(tensor).flatten().tolist()}


def case(function, **inputs):
    """A forward pass with the gradients of sum(output * upstream) by every input."""
    values = [jnp.asarray(value, jnp.float64) for value in inputs.values()]
    output, backward = jax.vjp(function, *values)
    upstream = jnp.asarray(wave(output.shape, 0.9, 0.4))
    return {
        "inputs": {name: dump(value) for name, value in zip(inputs, values)},
        "upstream": dump(upstream),
        "output": dump(output),
        "gradients": {name: dump(gradient) for name, gradient in zip(inputs, backward(upstream))},
    }


X = wave((2, 2, 4, 4), 0.37, 0.2)
SAME = {"w1": wave((2, 2, 3, 3), 0.71, 0.1, 0.5), "w2": wave((2, 2, 3, 3), 1.13, 0.6, 0.5)}
WIDER = {"w1": wave((4, 2, 3, 3), 0.71, 0.1, 0.5), "w2": wave((4, 4, 3, 3), 1.13, 0.6, 0.5)}
PROJECTION = wave((4, 2, 1, 1), 0.53, 0.9, 0.7)
SCALARS = {"a1": [0.05], "b1": [-0.1], "a2": [0.2], "scale": [0.7], "b2": [0.15]}


# ------------------------------------------------------------------------------------------------ SkipInit

def skipinit(x, w1, w2, bias1, bias2, alpha):
    inner = relu(convolution(relu(x), w1) + channels(bias1))
    return x + alpha * (convolution(inner, w2) + channels(bias2))


def skipinit_transition(x, w1, w2, projection, bias1, bias2, bias_projection, alpha):
    entered = relu(x)
    inner = relu(convolution(entered, w1, 2) + channels(bias1))
    shortcut = convolution(entered, projection, 2) + channels(bias_projection)
    return shortcut + alpha * (convolution(inner, w2) + channels(bias2))


# ------------------------------------------------------------------------------------------------ Fixup

def fixup_branch(x, w1, w2, a1, b1, a2, scale, b2, stride=1):
    inner = relu(convolution(x + a1, w1, stride) + b1)
    return scale * convolution(inner + a2, w2) + b2


def fixup(x, w1, w2, a1, b1, a2, scale, b2):
    return relu(x + fixup_branch(x, w1, w2, a1, b1, a2, scale, b2))


def fixup_transition(x, w1, w2, a1, b1, a2, scale, b2):
    kept = (x + a1)[:, :, ::2, ::2]
    shortcut = jnp.concatenate([kept, jnp.zeros_like(kept)], axis=1)
    return relu(shortcut + fixup_branch(x, w1, w2, a1, b1, a2, scale, b2, 2))


def fixup_projection(x, w1, w2, projection, a1, b1, a2, scale, b2):
    shortcut = convolution(x + a1, projection, 2)
    return relu(shortcut + fixup_branch(x, w1, w2, a1, b1, a2, scale, b2, 2))


# ------------------------------------------------------------------------------------------------ IdShort

def idshort(x, branch):
    return math.sqrt(0.5) * (x + branch)


def idshort_unit(x, w1, w2, bias1, bias2):
    inner = relu(convolution(relu(x), w1) + channels(bias1))
    return idshort(x, convolution(inner, w2) + channels(bias2))


# ------------------------------------------------------------------------------------------------ starts

def fixup_parameters(units):
    """Trained numbers of Fixup's residual network of so many units a stage on three channels and ten classes."""
    count, inputs = 27 * 16 + 1, 16
    for outputs in (16, 32, 64):
        for _ in range(units):
            count += 9 * inputs * outputs + 9 * outputs * outputs + 5
            inputs = outputs
    return count + 1 + 64 * 10 + 10


def fixup_deviations(units):
    """Standard deviations of first convolutions, by stage."""
    return [math.sqrt(2 / (9 * outputs)) * (3 * units) ** -0.5 for outputs in (16, 32, 64)]


def row_lengths(units, widening):
    """Lengths of weight rows at Arpit, Campos and Bengio's start, in a wide residual network."""
    gains = {"stem": math.sqrt(3 / 16), "conv2": math.sqrt(1 / units), "conv1": math.sqrt(2)}
    inputs, stages = 16, []
    for outputs in (16 * widening, 32 * widening, 64 * widening):
        stages.append({"first": math.sqrt(2 * inputs / outputs), "shortcut": math.sqrt(inputs / outputs)})
        inputs = outputs
    return gains | {"stages": stages}


def unit_deviation():
    """One layer of layer-sequential unit variance, from given weights."""
    inputs = np.array([[1, 2, -1], [0, 1, 3], [2, -2, 0.5], [-1, 0, 4]])
    weight = wave((2, 3), 0.9, 0.3)
    output = inputs @ weight.T
    return {"inputs": dump(inputs), "start": dump(weight), "weight": dump(weight / (output.std() + 1e-8))}


def main():
    biases = {"bias1": [0.1, -0.2], "bias2": [-0.1, 0.3]}
    wider_biases = {"bias1": [0.1, -0.2, 0.05, 0], "bias2": [0, 0.2, -0.1, 0.1], "bias_projection": [0.3, 0, -0.2, 0.1]}
    depths = {20: 3, 32: 5, 56: 9, 110: 18}
    goldens = {
        "jax": jax.__version__,
        "cases": {
            "skipinit_basic": case(skipinit, x=X, **SAME, **biases, alpha=[0.3]),
            "skipinit_transition": case(
                skipinit_transition, x=X, **WIDER, projection=PROJECTION, **wider_biases, alpha=[0.3]
            ),
            "fixup_basic": case(fixup, x=X, **SAME, **SCALARS),
            "fixup_transition": case(fixup_transition, x=X, **WIDER, **SCALARS),
            "fixup_projection": case(fixup_projection, x=X, **WIDER, projection=PROJECTION, **SCALARS),
            "idshort": case(idshort, x=X, branch=wave(X.shape, 0.61, 1.0)),
            "idshort_unit": case(idshort_unit, x=X, **SAME, **biases),
        },
        "fixup": {
            str(depth): {"parameters": fixup_parameters(units), "deviations": fixup_deviations(units)}
            for depth, units in depths.items()
        },
        "row_lengths": {str(6 * units + 4): row_lengths(units, 2) for units in (2, 4, 6)},
        "unit_deviation": unit_deviation(),
    }
    default = Path(__file__).parents[2] / "tests/goldens/residual_rivals.json"
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    output.write_text(lines(goldens, 2) + "\n")


main()
