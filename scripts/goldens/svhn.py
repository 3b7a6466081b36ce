"""Makes the small MATLAB 5 files in tests/fixtures/svhn/ that the SVHN reader is tested on.

Image n, channel c, row i, column j has the value (7n + 83c + 5i + 3j) mod 256; y is what the official
files have (uint8, n x 1, the digit 0 as 10), in test_32x32.mat as double and uncompressed.
"""
import pathlib

import numpy as np
from scipy.io import savemat

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "svhn"


def images(count, width=32):
    i, j, c, n = np.ogrid[:32, :width, :3, :count]
    return ((7 * n + 83 * c + 5 * i + 3 * j) % 256).astype(np.uint8)


def save(name, compressed=True, **variables):
    savemat(OUT / name, variables, do_compression=compressed)


def column(values, kind=np.uint8):
    return np.array(values, dtype=kind).reshape(-1, 1)


OUT.mkdir(parents=True, exist_ok=True)
save("train_32x32.mat", X=images(5), y=column([1, 9, 10, 2, 3]))
save("test_32x32.mat", compressed=False, X=images(3), y=column([10, 5, 4], np.float64))
save("single.mat", X=images(1)[..., 0], y=column([7]))
save("bad_label.mat", X=images(2), y=column([1, 11]))
save("fraction.mat", X=images(2), y=column([2.5, 1], np.float64))
save("uneven.mat", X=images(2), y=column([1, 2, 3]))
save("small.mat", X=images(2, width=16), y=column([1, 2]))
save("no_y.mat", X=images(2))
save("wide.mat", X=images(2).astype(np.uint16), y=column([1, 2]))
