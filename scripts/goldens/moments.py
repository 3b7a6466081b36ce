"""Prints the golden tables of src/moments/goldens.rs: multiple-precision quadrature, 13 digits.

Needs mpmath. Usage: python scripts/goldens/moments.py
"""

from mpmath import exp, expm1, log1p, mp, mpf, ncdf, npdf, nstr, quad, sqrt, tanh

mp.dps = 30
LAMBDA = mpf("1.0507009873554804934")
ALPHA = mpf("1.6732632423543772848")
BEND = mpf("0.044715")


def expectation(g, kinks, weight=lambda z: 1):
    """E g(z) weight(z) for z ~ N(0, 1)."""
    ends = sorted({mpf(-30), mpf(-10), mpf(-3), mpf(3), mpf(10), mpf(30), *map(mpf, kinks)})
    return quad(lambda z: g(z) * weight(z) * npdf(z), ends)


def sigmoid(x):
    return 1 / (1 + exp(-x))


def leaky(slope):
    slope = mpf(slope)
    return (lambda x: x if x > 0 else slope * x, lambda x: mpf(1) if x > 0 else slope)


def elu(scale, alpha):
    return (
        lambda x: scale * (x if x > 0 else alpha * expm1(x)),
        lambda x: scale * (mpf(1) if x > 0 else alpha * exp(x)),
    )


def scaled_tanh(outer, inner):
    return (
        lambda x: outer * tanh(inner * x),
        lambda x: outer * inner * (1 - tanh(inner * x) ** 2),
    )


def gelu_tanh():
    scale = sqrt(2 / mp.pi)

    def bend(x):
        return tanh(scale * (x + BEND * x**3))

    return (
        lambda x: x / 2 * (1 + bend(x)),
        lambda x: (1 + bend(x)) / 2
        + x / 2 * (1 - bend(x) ** 2) * scale * (1 + 3 * BEND * x * x),
    )


FUNCTIONS = {
    "relu": (leaky(0), (0,)),
    "leaky:0.01": (leaky("0.01"), (0,)),
    "leaky:0.1": (leaky("0.1"), (0,)),
    "leaky:0.2": (leaky("0.2"), (0,)),
    "prelu:0.25": (leaky("0.25"), (0,)),
    "leaky:0.3": (leaky("0.3"), (0,)),
    "leaky:-1": (leaky(-1), (0,)),
    "tanh": (scaled_tanh(mpf(1), mpf(1)), (0,)),
    "sigmoid": ((sigmoid, lambda x: sigmoid(x) * sigmoid(-x)), (0,)),
    "elu:1": (elu(mpf(1), mpf(1)), (0,)),
    "selu": (elu(LAMBDA, ALPHA), (0,)),
    "gelu": ((lambda x: x * ncdf(x), lambda x: ncdf(x) + x * npdf(x)), (0,)),
    "silu": (
        (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
        (0,),
    ),
    "softplus": ((lambda x: log1p(exp(x)), sigmoid), (0,)),
    "1.7159 tanh(2x/3)": (scaled_tanh(mpf("1.7159"), mpf(2) / 3), (0,)),
    "tanh approximation of GELU": (gelu_tanh(), (0,)),
    "softsign": ((lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2), (0,)),
    "hardtanh": ((lambda x: max(-1, min(1, x)), lambda x: mpf(abs(x) < 1)), (-1, 0, 1)),
}


def show(name, values):
    text = [nstr(mpf(0) if abs(v) < 1e-15 else v, 13) for v in values]
    print(f'("{name}", [{", ".join(text)}]),')


def activations():
    for name, ((f, df), kinks) in FUNCTIONS.items():
        mean, second = expectation(f, kinks), expectation(lambda z: f(z) ** 2, kinks)
        variance = second - mean**2
        square = expectation(lambda z: df(z) ** 2, kinks)
        chi = expectation(lambda z: z * df(z) * (f(z) - mean), kinks) / variance
        jacobian = square / variance
        show(name, [mean, second, variance, sqrt(variance), square, jacobian, sqrt(jacobian), chi])


def pools():
    for count in (1, 2, 3, 4, 9, 16, 25):
        row = []
        for f in (lambda z: z, lambda z: max(z, 0)):
            density = lambda z: count * ncdf(z) ** (count - 1)
            mean = expectation(f, (0,), density)
            second = expectation(lambda z: f(z) ** 2, (0,), density)
            row += [mean, second - mean**2, sqrt(second - mean**2)]
            if len(row) > 3:
                row.insert(4, second)
        show(str(count), row + [mpf(2) ** -count])


activations()
pools()
