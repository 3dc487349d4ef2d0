"""Worker that runs full training steps of EfficientNet-B3 in PyTorch on one batch in memory."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

import torch

from benchmarks.torch_efficientnet import Classifier
from benchmarks.workers import Turns

STEPS = "PyTorch"


def main(arguments: Sequence[str] | None = None) -> None:
    """Train on request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torch_training")
    for name in ("image-size", "batch-size", "steps"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args(arguments)
    torch.manual_seed(1)
    torch.set_num_threads(os.cpu_count() or 1)
    network = Classifier().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adamax(network.parameters(), lr=0.001)
    shape = (options.batch_size, 3, options.image_size, options.image_size)
    images = torch.randint(0, 256, shape, dtype=torch.uint8)
    images = images.to(memory_format=torch.channels_last)
    labels = torch.arange(options.batch_size) % 2
    turns = Turns({})
    while True:
        turns.wait(STEPS)
        for _ in range(options.steps):
            optimizer.zero_grad()
            logits, penalty = network(images)
            loss = torch.nn.functional.cross_entropy(logits, labels) + penalty
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    main()
