"""Why a row misses its target, and what was tried; said only while it does."""

from __future__ import annotations

REASONS: dict[tuple[str, str], str] = {
    (
        "training with a frozen base behind flips",
        "the same with the base trained",
    ): "such an epoch is the forward pass of every cell, in training and validation, and little "
    "else; with the base trained that pass is about a third of an epoch. Less than the pass "
    "there cannot be where each epoch sees other pixels",
    (
        "time from the start of `train` to its first step",
        "commit a52bd0e",
    ): "of about 17 CPU seconds that are left of 30, importing TensorFlow takes 3.5, building "
    "network and optimizer 2, tracing the step in Python 4.7 and preparing its graph of 13,000 "
    "operations, before it runs, 6; the graph's other optimisations cannot be switched off without "
    "other bits (docs/log.md). One after the other on one core, all of it waits for the core",
    (
        "peak memory of training at 224 px, batch 40, in GB",
        "what is asked for",
    ): "the layers' outputs that the backward pass reads are 7.7 GB, 4.5 of them of the stem and "
    "blocks 1 to 3a; gradients of the largest, 0.3 GB each, TensorFlow and its code come on top. "
    "TensorFlow's own recomputation of cheap operations freed 4 % and changed bits. Computing "
    "whole blocks again would need a model of another structure, with batch norm's averages and "
    "dropout's seeds kept from moving twice, and a second forward pass of the blocks with the "
    "most pixels. A smaller `batch_size` with `accumulate_batches` is the way for a small memory, "
    "with batch norm over fewer cells",
}
"""By part and against, without a full stop."""
