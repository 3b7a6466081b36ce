"""Writes tests/goldens/layers.json: what jax computes in float64 for one layer of a method, from its formula: outputs,
gradients, and averages after the step.

Names of inputs are those of the layer's parameters; `x` is what it receives. Where there is no `weight`, the
normalization receives `x` itself. Tensors that look like nothing in particular are waves: number k, from 0 in row-major
order, is scale·sin(a·k + b).

Needs jax. Usage: python scripts/goldens/layers.py [output]
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


X = np.array([[1, 2, -1], [0, 1, 3], [2, -2, 0.5], [-1, 0, 4]])
WEIGHT = np.array([[0.5, -1, 2], [1, 1, -0.5]])
BY_INPUTS = np.array([[1, 0, -2], [0.5, 1, 1], [0, -1, 2], [-1, 0.5, 0]])
UNITS = {"gamma": [1.1, 0.8, 1.0], "beta": [0.1, 0.0, -0.2]}
MAPS = wave((2, 4, 2, 2), 0.37, 0.2, 2.0)
CHANNELS = {"gamma": [1.1, 0.8, 1.0, 0.9], "beta": [0.1, -0.2, 0.05, 0.0]}


def channels(vector):
    return vector.reshape(1, -1, 1, 1)


def dump(tensor):
    return {"shape": list(np.shape(tensor)), "values": np.asarray(tensor).flatten().tolist()}


def case(function, upstream=None, after=None, **inputs):
    """A forward pass with the gradients of sum(output * upstream) by every input, and the buffers `after` it."""
    values = [jnp.asarray(value, jnp.float64) for value in inputs.values()]
    output, backward = jax.vjp(function, *values)
    upstream = wave(output.shape, 0.9, 0.4) if upstream is None else upstream
    return {
        "inputs": {name: dump(value) for name, value in zip(inputs, values)},
        "upstream": dump(upstream),
        "output": dump(output),
        "gradients": {name: dump(g) for name, g in zip(inputs, backward(jnp.asarray(upstream, jnp.float64)))},
        "after": {name: dump(value) for name, value in (after or {}).items()},
    }


# ------------------------------------------------------------------------------ strict weight normalization

def strict(x, weight, threshold, slope):
    rows = weight / jnp.sqrt((weight**2).sum(1, keepdims=True) + 1e-6)
    above = x @ rows.T - threshold
    return jnp.where(above > 0, above, jnp.clip(slope, 0, 1) * above) + threshold


def strict_cases():
    given = {"x": X, "weight": WEIGHT, "threshold": [0.2, -0.1]}
    return {
        "strict_weight_norm": case(strict, BY_INPUTS[:, :2], **given, slope=[0.25, 0.25]),
        "strict_weight_norm_relu": case(
            lambda x, weight, threshold: strict(x, weight, threshold, 0.0), BY_INPUTS[:, :2], **given
        ),
    }


# ------------------------------------------------------------------------- magnitude-preserving layers (EDM2)

def forced(weight, eps=1e-4):
    """Rows of root mean square 1."""
    lengths = jnp.sqrt((weight**2).sum(1, keepdims=True))
    return weight / (eps + lengths / math.sqrt(weight.shape[1]))


def root_mean_square(function):
    """√(E f(z)²), z ~ N(0, 1), by the trapezoid rule, which is exact to rounding for smooth f."""
    z = np.linspace(-40, 40, 80001)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return math.sqrt(math.fsum(function(z) ** 2 * density) * 80 / 80000)


SILU = root_mean_square(lambda z: np.asarray(jax.nn.silu(z)))


def magnitude_preserving(x, weight):
    return jax.nn.silu(x @ (forced(weight) / math.sqrt(weight.shape[1])).T) / SILU


def magnitude_preserving_with_ones(x, weight, ones):
    return magnitude_preserving(jnp.concatenate([x, jnp.ones((len(x), 1))], 1), jnp.concatenate([weight, ones[:, None]], 1))


def edm2_cases():
    return {
        "edm2": case(magnitude_preserving, x=X, weight=WEIGHT),
        "edm2_ones": case(magnitude_preserving_with_ones, x=X, weight=WEIGHT, ones=[0.3, -0.7]),
        "edm2_weight": {"weight": dump(WEIGHT), "once": dump(forced(WEIGHT)), "twice": dump(forced(forced(WEIGHT)))},
    }


# -------------------------------------------------------------------------------------------------- EvoNorm

def spread(x, axes):
    return ((x - x.mean(axes, keepdims=True)) ** 2).mean(axes, keepdims=True)


def evonorm_s0(x, v, gamma, beta, groups=2):
    grouped = x.reshape(len(x), groups, -1)
    std = jnp.broadcast_to(jnp.sqrt(spread(grouped, 2) + 1e-5), grouped.shape).reshape(x.shape)
    return channels(gamma) * x * jax.nn.sigmoid(channels(v) * x) / std + channels(beta)


def evonorm_b0(x, v, gamma, beta):
    batch, instance = jnp.sqrt(spread(x, (0, 2, 3)) + 1e-3), jnp.sqrt(spread(x, (2, 3)) + 1e-3)
    return channels(gamma) * x / jnp.maximum(batch, channels(v) * x + instance) + channels(beta)


def evonorm_cases():
    given = {"x": MAPS, "v": [1.0, 0.5, 2.0, 0.0], **CHANNELS}
    values = MAPS.size / MAPS.shape[1]
    running = 0.9 + 0.1 * MAPS.var((0, 2, 3)) * values / (values - 1)
    return {
        "evonorm_s0": case(evonorm_s0, **given),
        "evonorm_b0": case(evonorm_b0, after={"running_var": running}, **given),
    }


# ---------------------------------------------------------------------------------------------- DyT and Derf

def squashed_cases():
    return {
        "dyt": case(
            lambda x, alpha, gamma, beta: gamma * jnp.tanh(alpha * x) + beta, BY_INPUTS, x=X, alpha=[0.5], **UNITS
        ),
        "derf": case(
            lambda x, alpha, shift, gamma, beta: gamma * jax.scipy.special.erf(alpha * x + shift) + beta,
            BY_INPUTS,
            x=X,
            alpha=[0.5],
            shift=[0.1],
            **UNITS,
        ),
    }


# ----------------------------------------------------------------------------------- normality normalization

EPS = 1e-5


def standardized(x, axes):
    return (x - x.mean(axes, keepdims=True)) / jnp.sqrt(spread(x, axes) + EPS)


def newton(x, axes):
    """λ after a step of Newton's method from 1."""
    sign, size = jnp.where(x >= 0, 1.0, -1.0), jnp.abs(x)
    log = jnp.log1p(size)
    first = (1 + size) * log - size
    second = sign * ((1 + size) * log**2 - 2 * first)
    mean = lambda value: value.mean(axes, keepdims=True)
    slope = 2 * mean(x * first)
    curvature = 2 * mean(x * second + (first - mean(first)) ** 2)
    return 1 - (slope / 2 - mean(sign * log)) / ((curvature - slope**2) / 2 + math.sqrt(EPS))


def power(x, rate):
    sign, size = jnp.where(x >= 0, 1.0, -1.0), jnp.abs(x)
    eta = 1 + sign * (rate - 1)
    safe = eta + jnp.where(eta >= 0, 1.0, -1.0) * math.sqrt(EPS)
    return jnp.where(jnp.abs(eta) <= math.sqrt(EPS), sign * jnp.log1p(size), sign * ((1 + size) ** safe - 1) / safe)


def gaussianized(x, axes):
    hat = standardized(x, axes)
    return power(hat, newton(hat, axes))


def gaussianized_groups(x, groups):
    return gaussianized(x.reshape(len(x), groups, -1), 2).reshape(x.shape)


def normality_after(x, axes):
    values = x.size / x.shape[1]
    rate = np.asarray(newton(standardized(jnp.asarray(x), axes), axes)).flatten()
    return {
        "running_mean": 0.1 * x.mean(axes),
        "running_var": 0.9 + 0.1 * x.var(axes) * values / (values - 1),
        "running_lambda": 0.9 + 0.1 * rate,
    }


def normality_cases():
    maps = (0, 2, 3)
    return {
        "normality_bn": case(
            lambda x, gamma, beta: gamma * gaussianized(x, 0) + beta,
            BY_INPUTS,
            after=normality_after(X, 0),
            x=X,
            gamma=np.ones(3),
            beta=np.zeros(3),
        ),
        "normality_bn_maps": case(
            lambda x, gamma, beta: channels(gamma) * gaussianized(x, maps) + channels(beta),
            after=normality_after(MAPS, maps),
            x=MAPS,
            **CHANNELS,
        ),
        **{
            f"normality_{form}": case(
                lambda x, gamma, beta, groups=groups: channels(gamma) * gaussianized_groups(x, groups) + channels(beta),
                x=MAPS,
                **CHANNELS,
            )
            for form, groups in (("layer", 1), ("group", 2), ("instance", 4))
        },
    }


# --------------------------------------------------------------------- relatives of batch normalization

def batch_norm(x, gamma, beta):
    return channels(gamma) * standardized(x, (0, 2, 3)) + channels(beta)


def ghost_batch_norm(x, gamma, beta, images=2):
    return jnp.concatenate([batch_norm(x[i : i + images], gamma, beta) for i in range(0, len(x), images)])


def ghost_after(x, images=2):
    slices = [x[i : i + images] for i in range(0, len(x), images)]
    values = [part.size / part.shape[1] for part in slices]
    means = [part.mean((0, 2, 3)) for part in slices]
    variances = [part.var((0, 2, 3)) * count / (count - 1) for part, count in zip(slices, values)]
    return {
        "running_mean": 0.1 * np.mean(means, 0),
        "running_var": 0.9 + 0.1 * np.mean(variances, 0),
    }


def channel_norm(x, group_gain, group_shift):
    groups = len(group_gain)
    hat = standardized(x.reshape(len(x), groups, -1), 2)
    return (hat * group_gain.reshape(1, -1, 1) + group_shift.reshape(1, -1, 1)).reshape(x.shape)


def estimated(x, speed=0.1):
    """Running mean and variance after a first batch."""
    return speed * x.mean((0, 2, 3)), 1 - speed + speed * (x**2).mean((0, 2, 3))


def estimated_norm(x, gamma, beta):
    mean, variance = map(jax.lax.stop_gradient, estimated(x))
    return channels(gamma) * (x - channels(mean)) / jnp.sqrt(channels(variance) + EPS) + channels(beta)


def evalnorm(x, running_mean, running_var, images):
    count = float(images[0])
    own = 1 / count
    values = count * x.shape[2] * x.shape[3]
    average, variance = channels(running_mean), channels(running_var) * (values - 1) / values
    mean = x.mean((2, 3), keepdims=True)
    expected = own * mean + (1 - own) * average
    spread_of = own * spread(x, (2, 3)) + (1 - own) * variance + own * (1 - own) * (mean - average) ** 2
    return (x - expected) / jnp.sqrt(spread_of + EPS)


def evalnorm_case(images):
    """An evaluation; the buffers are among the inputs."""
    values = images * 4
    inputs = {
        "x": MAPS,
        "running_mean": np.array([0.2, -0.1, 0, 0.3]),
        "running_var": np.array([1.5, 0.8, 1, 2]) * values / (values - 1),
        "images": np.array([images]),
    }
    return {"inputs": {name: dump(value) for name, value in inputs.items()}, "output": dump(evalnorm(**inputs))}


def relatives_cases():
    estimated_after = dict(zip(("running_mean", "running_var"), estimated(MAPS)))
    groups = {"group_gain": [1.2, 0.9], "group_shift": [0.1, -0.1]}
    pairs = wave((4, 2, 2, 2), 0.37, 0.2, 2.0)
    return {
        "ghost_bn": case(ghost_batch_norm, after=ghost_after(pairs), x=pairs, gamma=[1.1, 0.8], beta=[0.1, -0.2]),
        "bcn_qiao": case(
            lambda x, gamma, beta, *groups: channel_norm(batch_norm(x, gamma, beta), *groups),
            x=MAPS,
            **CHANNELS,
            **groups,
        ),
        "estbn": case(estimated_norm, after=estimated_after, x=MAPS, **CHANNELS),
        "estbn_channels": case(
            lambda x, gamma, beta, *groups: channel_norm(estimated_norm(x, gamma, beta), *groups),
            after=estimated_after,
            x=MAPS,
            **CHANNELS,
            **groups,
        ),
        "evalnorm_4": evalnorm_case(4),
        "evalnorm_16": evalnorm_case(16),
    }


# ---------------------------------------------------------------------------------- batchless normalization

def batchless(x, mean, log_std, gamma, beta):
    mean, log_std = jax.lax.stop_gradient(mean), jax.lax.stop_gradient(log_std)
    return gamma * (x - mean) * jnp.exp(-log_std) + beta


def batchless_cases():
    inputs = {"x": X, "mean": [0.2, 0.1, 1.0], "log_std": np.log([1, 2, 1.5]), **UNITS}
    golden = case(batchless, BY_INPUTS, **inputs)

    def likelihood(mean, log_std):
        return log_std.mean() + 0.5 * (((X - mean) * jnp.exp(-log_std)) ** 2).mean()

    given = (jnp.asarray(inputs["mean"]), jnp.asarray(inputs["log_std"]))
    by_mean, by_log_std = jax.grad(likelihood, (0, 1))(*given)
    golden["gradients"] |= {"mean": dump(by_mean), "log_std": dump(by_log_std)}
    return {"batchless": golden}


# ------------------------------------------------------------------------- further statistics of a batch

def averages(mean, variance, momentum=0.1):
    """After a first batch, from 0 and 1."""
    return {"running_mean": momentum * mean, "running_var": 1 - momentum + momentum * variance}


def batch_group_norm(x, gamma, beta, groups):
    grouped = x.reshape(len(x), groups, -1)
    hat = standardized(grouped, (0, 2)).reshape(x.shape)
    return channels(gamma) * hat + channels(beta) if x.ndim == 4 else gamma * hat + beta


def grouped_averages(x, groups):
    grouped = x.reshape(len(x), groups, -1)
    return averages(grouped.mean((0, 2)), grouped.var((0, 2)))


def extended(x, gamma, beta, around_layer=False):
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    off = x - x.mean(axes, keepdims=True)
    variance = (x - x.mean()) ** 2 if around_layer else off**2
    hat = off / jnp.sqrt(variance.mean() + EPS)
    return channels(gamma) * hat + channels(beta) if x.ndim == 4 else gamma * hat + beta


def extended_averages(x, around_layer=False):
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    off = x - x.mean() if around_layer else x - x.mean(axes, keepdims=True)
    return averages(x.mean(axes), np.array([(off**2).mean()]))


def khaled(x, iota, gamma, beta):
    mixed = channels(iota) * standardized(x, (0, 2, 3)) + channels(1 - iota) * standardized(x, (1, 2, 3))
    return channels(gamma) * mixed + channels(beta)


def batch_layer_norm(x, gamma, beta):
    eps, lacking, images, size = 1e-3, 1e-4, len(x), math.sqrt(x.shape[1])
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    of_channels = (x - x.mean(1, keepdims=True)) / jnp.sqrt(spread(x, 1) + eps)
    of_batch = (x - x.mean(axes, keepdims=True)) / jnp.sqrt(spread(x, axes) + eps)
    mixed = ((1 / images - lacking) * of_channels + (1 - 1 / images - lacking) * of_batch) / size
    return channels(gamma) * mixed + channels(beta) if x.ndim == 4 else gamma * mixed + beta


def unbiased_averages(x):
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    count = x.size // x.shape[1]
    correction = count / (count - 1) if count > 1 else 1.0
    return averages(x.mean(axes), x.var(axes) * correction)


def modes(x, gate, gate_bias, gamma, beta):
    maps = x.reshape(*x.shape[:2], -1)
    gates = jax.nn.softmax(maps.mean(2) @ gate.T + gate_bias, 1)
    share = gates / gates.sum(0)
    mean = jnp.einsum("nk,ncs->kc", share, maps) / maps.shape[2]
    off = maps[:, None] - mean[None, :, :, None]
    variance = jnp.einsum("nk,nkcs->kc", share, off**2) / maps.shape[2]
    hat = jnp.einsum("nk,nkcs->ncs", gates, off / jnp.sqrt(variance + EPS)[None, :, :, None])
    return (gamma[:, None] * hat + beta[:, None]).reshape(x.shape), mean, mean**2 + variance


def mode_case(upstream, **inputs):
    _, mean, square = modes(**{name: jnp.asarray(value) for name, value in inputs.items()})
    after = {"running_mean": 0.1 * mean, "running_square": 0.1 * square, "batches": np.array([1.0])}
    return case(lambda *values: modes(*values)[0], upstream, after, **inputs)


def statistics_cases():
    units = {"gamma": np.ones(3), "beta": np.zeros(3)}
    gate = wave((2, 4), 0.5, 0.3, 0.3) + 0.5
    return {
        **{
            f"batch_group_norm_{groups}": case(
                lambda x, gamma, beta, groups=groups: batch_group_norm(x, gamma, beta, groups),
                after=grouped_averages(MAPS, groups),
                x=MAPS,
                **CHANNELS,
            )
            for groups in (1, 2, 4, 8)
        },
        "batch_group_norm_units": case(
            lambda x, gamma, beta: batch_group_norm(x, gamma, beta, 1),
            BY_INPUTS,
            grouped_averages(X, 1),
            x=X,
            **units,
        ),
        "extended_bn": case(extended, after=extended_averages(MAPS), x=MAPS, **CHANNELS),
        "extended_bn_layer": case(
            lambda x, gamma, beta: extended(x, gamma, beta, True),
            after=extended_averages(MAPS, True),
            x=MAPS,
            **CHANNELS,
        ),
        "extended_bn_units": case(extended, BY_INPUTS, extended_averages(X), x=X, **units),
        "bcn_khaled": case(khaled, after=unbiased_averages(MAPS), x=MAPS, iota=[1.0, 0.5, 0.2, 0.0], **CHANNELS),
        "batch_layer_norm_4": case(
            batch_layer_norm, BY_INPUTS, unbiased_averages(X) | {"images": np.array([4.0])}, x=X, **UNITS
        ),
        "batch_layer_norm_1": case(
            batch_layer_norm, BY_INPUTS[:1], unbiased_averages(X[:1]) | {"images": np.array([1.0])}, x=X[:1], **units
        ),
        "batch_layer_norm_maps": case(batch_layer_norm, after=unbiased_averages(MAPS), x=MAPS, **CHANNELS),
        "mode_norm": mode_case(None, x=MAPS, gate=gate, gate_bias=np.array([0.1, -0.2]), **CHANNELS),
        "mode_norm_units": mode_case(BY_INPUTS, x=X, gate=gate[:, :3], gate_bias=np.array([0.1, -0.2]), **UNITS),
    }


# ------------------------------------------------------------------------------------------------ whitening

def covariances(x, block):
    """Centered rows of each block of channels, and their covariance matrix plus ε."""
    rows = jnp.moveaxis(x, 1, 0).reshape(x.shape[1] // block, block, -1)
    rows = rows - rows.mean(2, keepdims=True)
    return rows, rows @ jnp.swapaxes(rows, 1, 2) / rows.shape[2] + EPS * jnp.eye(block)


def newton_root(sigma, iterations):
    trace = jnp.trace(sigma, axis1=1, axis2=2)[:, None, None]
    root = jnp.broadcast_to(jnp.eye(sigma.shape[1]), sigma.shape)
    for _ in range(iterations):
        root = 1.5 * root - 0.5 * root @ root @ root @ sigma / trace
    return root / jnp.sqrt(trace)


def symmetric_root(sigma):
    values, vectors = jnp.linalg.eigh(sigma)
    return vectors / jnp.sqrt(values)[:, None, :] @ jnp.swapaxes(vectors, 1, 2)


def whitened(x, block, root):
    rows, sigma = covariances(x, block)
    white = root(sigma) @ rows
    return jnp.moveaxis(white.reshape(x.shape[1], x.shape[0], *x.shape[2:]), 0, 1)


def whitening_case(upstream, x, block, root):
    matrices = root(covariances(x, block)[1])
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    after = {"running_mean": 0.1 * x.mean(axes), "running_whitening": 0.9 * np.eye(block) + 0.1 * matrices}
    return case(lambda x: whitened(x, block, root), upstream, after, x=x)


def whitening_cases():
    newton = lambda iterations: lambda sigma: newton_root(sigma, iterations)
    return {
        "iter_norm_2": whitening_case(None, MAPS, 2, newton(5)),
        "iter_norm_4": whitening_case(None, MAPS, 4, newton(5)),
        "iter_norm_2_once": whitening_case(None, MAPS, 2, newton(1)),
        "iter_norm_4_once": whitening_case(None, MAPS, 4, newton(1)),
        "iter_norm_units": whitening_case(BY_INPUTS, X, 3, newton(5)),
        "decorrelated_bn_2": whitening_case(None, MAPS, 2, symmetric_root),
        "decorrelated_bn_units": whitening_case(BY_INPUTS, X, 3, symmetric_root),
    }


# ------------------------------------------------------------------------------------------ diminishing batches

def diminishing_layer(x, running_mean, running_std, gamma, beta):
    mean, std = jax.lax.stop_gradient(running_mean), jax.lax.stop_gradient(running_std)
    return gamma * (x - mean) / (std + EPS) + beta


def diminishing_steps(share):
    """Three batches; share(m) counts the newest behind step m, from 1 on."""
    mean, std = X.mean(0), X.std(0)
    steps = []
    for number, batch in enumerate((X, X + 0.5, 2 * X), 1):
        steps.append({"x": dump(batch), "output": dump((batch - mean) / (std + EPS))})
        mean = share(number) * batch.mean(0) + (1 - share(number)) * mean
        std = share(number) * batch.std(0) + (1 - share(number)) * std
    return {"inputs": {"x": dump(X)}, "steps": steps, "after": {"running_mean": dump(mean), "running_std": dump(std)}}


def diminishing_cases():
    layer = case(
        diminishing_layer,
        BY_INPUTS,
        x=X,
        running_mean=[0.2, 0.1, 1.0],
        running_std=[1.0, 2.0, 1.5],
        **UNITS,
    )
    for buffer in ("running_mean", "running_std"):
        del layer["gradients"][buffer]
    return {
        "diminishing_layer": layer,
        "diminishing_constant": diminishing_steps(lambda number: 0.25),
        "diminishing_inverse": diminishing_steps(lambda number: 1 / (number + 1)),
    }


# --------------------------------------------------------------------------- rectifiers, and rules for weights

def frelu_cases():
    offset = np.full(3, -0.3989422804)
    return {"frelu": case(lambda x, offset: jax.nn.relu(x) + offset, BY_INPUTS, x=X, offset=offset)}


def enorm_cases():
    names = [f"{layer}.weight" for layer in ("layer1", "layer2", "logits")]
    start = [WEIGHT, np.array([[1.0, 3], [2, -1]]), np.array([[0.5, 1.5], [-2, 0.3]])]

    def balanced(pairs, asymmetry=1.1):
        weights = [weight.copy() for weight in start]
        for left in range(pairs):
            row, column = weights[left], weights[left + 1]
            factors = np.sqrt(np.linalg.norm(column, axis=0) / (asymmetry * np.linalg.norm(row, axis=1)))
            weights[left], weights[left + 1] = row * factors[:, None], column / factors
        return {name: dump(weight) for name, weight in zip(names, weights)}

    inputs = {name: dump(weight) for name, weight in zip(names, start)}
    return {"enorm": {"inputs": inputs, "all": balanced(2), "without_last": balanced(1)}}


def rejection_cases():
    gradient = np.array([[[[0.3, -0.2, 0.1], [0.05, 0.4, -0.6], [0.2, 0.1, -0.15]]]])
    rest = gradient - gradient.mean((2, 3), keepdims=True)
    direction = wave((2, 2, 3, 3), 0.71, 0.1)
    centered = direction - direction.mean((2, 3), keepdims=True)
    start = centered / np.sqrt((centered**2).sum((1, 2, 3), keepdims=True))
    tensors = {"gradient": gradient, "projected": rest, "amplified": gradient + 10 * rest}
    tensors |= {"direction": direction, "start": start}
    return {"mean_shift_rejection": {name: dump(tensor) for name, tensor in tensors.items()}}


def main():
    cases = strict_cases() | edm2_cases() | evonorm_cases() | squashed_cases() | normality_cases()
    cases |= relatives_cases() | batchless_cases() | statistics_cases() | whitening_cases() | diminishing_cases()
    cases |= frelu_cases() | enorm_cases() | rejection_cases()
    default = Path(__file__).parents[2] / "tests/goldens/layers.json"
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    output.write_text(lines({"jax": jax.__version__, "cases": cases}, 2) + "\n")


main()
