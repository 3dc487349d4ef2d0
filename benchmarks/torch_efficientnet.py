"""The network of stages/network/model.py with EfficientNet-B3, written in plain PyTorch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class _Stage(NamedTuple):
    expand: int
    kernel: int
    stride: int
    channels: int
    blocks: int


STEM, TOP, SURVIVAL = 40, 1536, 0.8
STAGES = (
    _Stage(1, 3, 1, 24, 2),
    _Stage(6, 3, 2, 32, 3),
    _Stage(6, 5, 2, 48, 3),
    _Stage(6, 3, 2, 96, 5),
    _Stage(6, 5, 1, 136, 5),
    _Stage(6, 5, 2, 232, 6),
    _Stage(6, 3, 1, 384, 2),
)
"""EfficientNet-B3 (Tan and Le 2019): B0 with width times 1.2 and depth times 1.4."""


class Classifier(nn.Module):
    """Maps uint8 (cells, 3, size, size) in 0…255 to logits (cells, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Sequential(
            _convolved(3, STEM, kernel=3, stride=2),
            *_blocks(),
            _convolved(STAGES[-1].channels, TOP),
        )
        self.batch_norm = nn.BatchNorm1d(TOP, eps=0.001, momentum=0.01)
        self.hidden = nn.Linear(TOP, 256)
        self.dropout = nn.Dropout(0.45)
        self.logits = nn.Linear(256, 2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits, and the penalty that is added to the loss."""
        features = self.base(images.float() / 255).amax(dim=(2, 3))
        hidden = torch.relu(self.hidden(self.batch_norm(features)))
        penalty = 0.016 * self.hidden.weight.square().sum() + 0.006 * self.hidden.bias.abs().sum()
        penalty = penalty + 0.006 * hidden.abs().sum() / len(images)
        return self.logits(self.dropout(hidden)), penalty


class _Block(nn.Module):
    """Expand, convolve each channel, squeeze and excite, project; skip if the shapes agree."""

    def __init__(self, stage: _Stage, channels: int, *, stride: int, drop: float) -> None:
        super().__init__()
        wide = channels * stage.expand
        self.expand = _convolved(channels, wide) if stage.expand > 1 else nn.Identity()
        self.depthwise = _convolved(wide, wide, kernel=stage.kernel, stride=stride, groups=wide)
        self.squeeze = nn.Conv2d(wide, max(1, channels // 4), 1)
        self.excite = nn.Conv2d(max(1, channels // 4), wide, 1)
        self.project = _convolved(wide, stage.channels, activated=False)
        self.skipped = stride == 1 and channels == stage.channels
        self.drop = drop

    def forward(self, inputs: Tensor) -> Tensor:
        wide = self.depthwise(self.expand(inputs))
        squeezed = nn.functional.silu(self.squeeze(wide.mean(dim=(2, 3), keepdim=True)))
        projected = self.project(wide * torch.sigmoid(self.excite(squeezed)))
        if not self.skipped:
            return projected
        if self.training and self.drop:  # stochastic depth: each image on its own
            kept = torch.rand(len(inputs), 1, 1, 1) >= self.drop
            projected = projected * kept / (1 - self.drop)
        return inputs + projected


def _blocks() -> list[_Block]:
    count = sum(stage.blocks for stage in STAGES)
    blocks: list[_Block] = []
    channels = STEM
    for stage in STAGES:
        for number in range(stage.blocks):
            stride = 1 if number else stage.stride
            drop = (1 - SURVIVAL) * len(blocks) / count
            blocks.append(_Block(stage, channels, stride=stride, drop=drop))
            channels = stage.channels
    return blocks


def _convolved(
    channels: int,
    to: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    activated: bool = True,
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(channels, to, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(to, eps=0.001, momentum=0.01),
    ]
    return nn.Sequential(*layers, *[nn.SiLU(inplace=True)] * activated)
