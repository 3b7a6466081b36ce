"""The NIN of src/nn/networks/nin.rs in PyTorch, without normalization, with batch normalization and with Normalization
Propagation: by the textbook formula, and folded so that it costs no pass over activations."""

import math

import torch
import torch.nn.functional as F
from torch import nn

# Mean and standard deviation of max(z, 0), z standard normal, and what keeps the Jacobian at 1 at the start.
MEAN = 1 / math.sqrt(2 * math.pi)
STD = math.sqrt(0.5 - 0.5 / math.pi)
JACOBIAN_ROOT = math.sqrt(0.5) / STD

# Output channels at width 1, kernel, whether a 3 x 3 max-pool of stride 2 follows.
PLAN = [(192, 5, False), (160, 1, False), (96, 1, True), (192, 5, False), (192, 1, False), (192, 1, True),
        (192, 3, False), (192, 1, False)]

CLASSES = 10


def pool(x):
    return F.max_pool2d(x, 3, 2, 1)


def vector(count, value):
    return nn.Parameter(torch.full((count,), value))


class Block(nn.Module):
    """The weight and the place in the network, which all blocks have."""

    def __init__(self, inputs, outputs, kernel, pooled, last):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) * math.sqrt(2 / (inputs * kernel**2)))
        self.padding, self.pooled, self.last = kernel // 2, pooled, last

    def convolve(self, x, weight, bias=None):
        return F.conv2d(x, weight, bias, padding=self.padding)

    def activate_and_pool(self, x):
        if self.last:
            return x
        x = F.relu_(x)
        return pool(x) if self.pooled else x

    def after_step(self):
        """What the method does after the optimizer."""


class Plain(Block):
    def __init__(self, *place):
        super().__init__(*place)
        self.bias = vector(self.weight.shape[0], 0.0)

    def forward(self, x):
        return self.activate_and_pool(self.convolve(x, self.weight, self.bias))


class BatchNorm(Block):
    def __init__(self, *place):
        super().__init__(*place)
        outputs = self.weight.shape[0]
        # The last block has a bias and no normalization.
        self.normalize = None if self.last else nn.BatchNorm2d(outputs)
        self.bias = vector(outputs, 0.0) if self.last else None

    def forward(self, x):
        x = self.convolve(x, self.weight, self.bias)
        return self.activate_and_pool(x if self.last else self.normalize(x))


def unit_rows(weight):
    return weight * (weight.square().sum((1, 2, 3), keepdim=True) + 1e-12).rsqrt()


class Textbook(Block):
    """y = (pool(relu(gamma * (W/|W| * x) + beta)) - m) / s, as written; gradients go through the division by |W|."""

    def __init__(self, *place):
        super().__init__(*place)
        outputs = self.weight.shape[0]
        self.gamma = vector(outputs, 1.0 if self.last else 1 / JACOBIAN_ROOT)
        self.beta = vector(outputs, 0.0)

    def forward(self, x):
        x = self.convolve(x, unit_rows(self.weight))
        x = x * self.gamma.view(1, -1, 1, 1) + self.beta.view(1, -1, 1, 1)
        x = self.activate_and_pool(x)
        return x if self.last else (x - MEAN) / STD


class Folded(Textbook):
    """The same function: gamma and the 1/s of the block before in the weights, beta - m in the bias, the clamp at -m,
    in place. Rows are put back to unit length after each update. The first block has no block before it and scale 1."""

    scale = 1 / STD

    def forward(self, x):
        weight = self.weight * (self.gamma * self.scale).view(-1, 1, 1, 1)
        if self.last:
            return self.convolve(x, weight, self.beta)
        x = self.convolve(x, weight, self.beta - MEAN).clamp_min_(-MEAN)
        return pool(x) if self.pooled else x

    @torch.no_grad()
    def after_step(self):
        self.weight.copy_(unit_rows(self.weight))


METHODS = {"none": Plain, "bn": BatchNorm, "normprop-textbook": Textbook, "normprop-folded": Folded}


class Nin(nn.Module):
    """The network; forward gives the loss."""

    def __init__(self, method, channels, width):
        super().__init__()
        block, inputs, blocks = METHODS[method], channels, []
        for count, kernel, pooled in PLAN:
            outputs = max(1, round(count * width))
            blocks.append(block(inputs, outputs, kernel, pooled, False))
            inputs = outputs
        blocks.append(block(inputs, CLASSES, 1, False, True))
        if method == "normprop-folded":
            blocks[0].scale = 1.0
            for each in blocks:
                each.after_step()
        self.blocks = nn.Sequential(*blocks)

    def logits(self, images):
        return self.blocks(images).mean((2, 3))

    def forward(self, images, labels):
        return F.cross_entropy(self.logits(images), labels)

    def after_step(self):
        for block in self.blocks:
            block.after_step()


def check_forms():
    """Refuses to measure a folded form that is not the textbook formula."""
    torch.manual_seed(0)
    textbook, folded = (Nin(method, 1, 0.05).double() for method in ("normprop-textbook", "normprop-folded"))
    with torch.no_grad():
        for one, other in zip(textbook.blocks, folded.blocks):
            other.weight.copy_(unit_rows(one.weight))
            for name in ("gamma", "beta"):
                values = torch.rand_like(getattr(one, name))
                getattr(one, name).copy_(values)
                getattr(other, name).copy_(values)
        images = torch.randn(3, 1, 28, 28, dtype=torch.float64)
        difference = (textbook.logits(images) - folded.logits(images)).abs().max().item()
    if not difference < 1e-10:
        raise SystemExit(f"bench-pytorch: the folded form differs from the textbook formula by {difference}")
