"""The ResNet of src/nn/networks/resnet.rs (order v2, shortcut B) in PyTorch, without normalization, with batch
normalization and with Normalization Propagation by alpha-beta: by the textbook formula, and folded."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from networks import CLASSES, MEAN, STD, unit_rows, vector

UNITS = 3
CHANNELS = (16, 32, 64)
DEPTH = 6 * UNITS + 2
ALPHA = 1 / math.sqrt(len(CHANNELS) * UNITS)


class Conv(nn.Module):
    """The weight of a convolution with what the method has beside it: a bias, or gain and shift."""

    def __init__(self, inputs, outputs, kernel, stride, has_bias=False, has_gain=False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) * math.sqrt(2 / (inputs * kernel**2)))
        self.bias = vector(outputs, 0.0) if has_bias or has_gain else None
        self.gamma = vector(outputs, 1.0) if has_gain else None
        self.stride, self.padding = stride, kernel // 2

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding)

    def textbook(self, x):
        x = F.conv2d(x, unit_rows(self.weight), None, self.stride, self.padding)
        return x * self.gamma.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)

    def folded(self, x, scale, offset=0.0, factor=1.0):
        """factor * (gamma * (W * (x * scale)) + beta) + offset, with unit rows in `weight`."""
        weight = self.weight * (self.gamma * (scale * factor)).view(-1, 1, 1, 1)
        bias = self.bias if factor == 1.0 else self.bias * factor
        return F.conv2d(x, weight, bias + offset if offset else bias, self.stride, self.padding)


class Plain(nn.Module):
    """Convolutions with a bias."""

    CONV = {"has_bias": True}

    def __init__(self, inputs, outputs, stride, beta):
        super().__init__()
        self.conv1 = Conv(inputs, outputs, 3, stride, **self.CONV)
        self.conv2 = Conv(outputs, outputs, 3, 1, **self.CONV)
        changes = stride != 1 or inputs != outputs
        self.shortcut = Conv(inputs, outputs, 1, stride, **self.CONV) if changes else None
        self.beta = beta

    def forward(self, x):
        h = F.relu(x)
        out = self.conv2(F.relu_(self.conv1(h)))
        return out.add_(x if self.shortcut is None else self.shortcut(h))

    @staticmethod
    def stem(channels):
        return Conv(channels, CHANNELS[0], 3, 1, has_bias=True)

    @staticmethod
    def head(_beta):
        return nn.ReLU()


class BatchNorm(Plain):
    """Convolutions without one, batch normalization before each activation."""

    CONV = {}

    def __init__(self, inputs, outputs, stride, beta):
        super().__init__(inputs, outputs, stride, beta)
        self.entry, self.inner = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)

    def forward(self, x):
        h = F.relu_(self.entry(x))
        out = self.conv2(F.relu_(self.inner(self.conv1(h))))
        return out.add_(x if self.shortcut is None else self.shortcut(h))

    @staticmethod
    def stem(channels):
        return Conv(channels, CHANNELS[0], 3, 1)

    @staticmethod
    def head(_beta):
        return nn.Sequential(nn.BatchNorm2d(CHANNELS[-1]), nn.ReLU(inplace=True))


class Standardize(nn.Module):
    """(relu(x / beta) - m) / s."""

    def __init__(self, beta):
        super().__init__()
        self.beta = beta

    def forward(self, x):
        return (F.relu(x / self.beta) - MEAN) / STD


class TextbookStem(Conv):
    def forward(self, x):
        return self.textbook(x)


class FoldedStem(Conv):
    def forward(self, x):
        return self.folded(x, 1.0)


class Textbook(Plain):
    """Unit rows, known moments, as written; gradients go through the division by a row's length."""

    CONV = {"has_gain": True}

    def forward(self, x):
        h = (F.relu(x / self.beta) - MEAN) / STD
        out = self.conv2.textbook((F.relu_(self.conv1.textbook(h)) - MEAN) / STD)
        return (x if self.shortcut is None else self.shortcut.textbook(h)) + ALPHA * out

    @staticmethod
    def stem(channels):
        return TextbookStem(channels, CHANNELS[0], 3, 1, has_gain=True)

    @staticmethod
    def head(beta):
        return Standardize(beta)


class Folded(Textbook):
    """The same function, constants in weights and biases; rows are put back to unit length after each update."""

    def forward(self, x):
        h = F.relu(x) - MEAN * self.beta
        scale = 1 / (self.beta * STD)
        inner = self.conv1.folded(h, scale, -MEAN).clamp_min_(-MEAN)
        out = self.conv2.folded(inner, 1 / STD, factor=ALPHA)
        return out.add_(x if self.shortcut is None else self.shortcut.folded(h, scale))

    @staticmethod
    def stem(channels):
        return FoldedStem(channels, CHANNELS[0], 3, 1, has_gain=True)


UNIT_KINDS = {"none": Plain, "bn": BatchNorm, "normprop-textbook": Textbook, "normprop-folded": Folded}


class ResNet(nn.Module):
    """The network; forward gives the loss."""

    def __init__(self, method, channels, width):
        super().__init__()
        kind, (inputs, *_), units = UNIT_KINDS[method], CHANNELS, []
        if width != 1:
            raise SystemExit("bench-pytorch: resnet is written for --widths 1")
        self.stem, branches = kind.stem(channels), 0
        for stage, outputs in enumerate(CHANNELS):
            for unit in range(UNITS):
                stride = 2 if stage > 0 and unit == 0 else 1
                units.append(kind(inputs, outputs, stride, math.sqrt(1 + branches * ALPHA**2)))
                branches = 1 if outputs != inputs else branches + 1
                inputs = outputs
        self.units, self.head = nn.Sequential(*units), kind.head(math.sqrt(1 + branches * ALPHA**2))
        self.normprop = method.startswith("normprop")
        self.projects = method == "normprop-folded"
        self.dense = nn.Parameter(torch.randn(CLASSES, inputs) * math.sqrt(2 / inputs))
        self.bias = vector(CLASSES, 0.0)
        self.gamma = vector(CLASSES, 1.0) if self.normprop else None
        self.after_step()

    def logits(self, images):
        x = self.head(self.units(self.stem(images))).mean((2, 3))
        if not self.normprop:
            return F.linear(x, self.dense, self.bias)
        rows = self.dense if self.projects else self.dense * (self.dense.square().sum(1, keepdim=True) + 1e-12).rsqrt()
        return F.linear(x, rows * self.gamma.view(-1, 1), self.bias)

    def forward(self, images, labels):
        return F.cross_entropy(self.logits(images), labels)

    @torch.no_grad()
    def after_step(self):
        if self.projects:
            for module in self.modules():
                if isinstance(module, Conv):
                    module.weight.copy_(unit_rows(module.weight))
            self.dense.copy_(self.dense * (self.dense.square().sum(1, keepdim=True) + 1e-12).rsqrt())


def check_residual_forms():
    """Refuses to measure a folded form that is not the textbook formula."""
    torch.manual_seed(0)
    textbook, folded = (ResNet(method, 1, 1).double() for method in ("normprop-textbook", "normprop-folded"))
    with torch.no_grad():
        for parameter in textbook.parameters():
            parameter.copy_(torch.randn_like(parameter))
        folded.load_state_dict(textbook.state_dict())
        folded.after_step()
        images = torch.randn(3, 1, 28, 28, dtype=torch.float64)
        difference = (textbook.logits(images) - folded.logits(images)).abs().max().item()
    if not difference < 1e-10:
        raise SystemExit(f"bench-pytorch: the folded form of the ResNet differs from the textbook formula by {difference}")
