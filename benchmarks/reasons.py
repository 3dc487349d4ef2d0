"""Why a row misses its target, and what was tried; said only while it does."""

from __future__ import annotations

from benchmarks import inputs, preprocess

_WHOLE_STAGE = (
    "an image of the real sample takes 1.4 ms of CPU time to inflate, 0.2 to decode, 0.5 to resize "
    "with Pillow, 0.4 to write as a record of the same bytes as ever; and the stage 0.8 s to "
    "import TensorFlow's record writer and pandas. Measuring size and brightness is ten times "
    "faster than it was, the import took 4 s, the largest shards are written first. python-isal "
    "would inflate real images in half the time (0.75 of the floor instead of 0.67, in CPU time), "
    "and be one dependency more"
)
_FIRST_EPOCH = (
    "of an epoch of 1,400 images the shards take 0.3 CPU seconds to inflate, on all cores, memory "
    "0.1 s to be had, the graph 0.2 s to be built; the generator reads BMP files of the page cache "
    "and takes the nearest pixel, 0.6 ms an image. Raw shards would be read in a third of the time "
    "and take five times the room. Reading took 1.2 CPU seconds before"
)
_LATER_EPOCHS = (
    "an image is copied twice and mirrored, 50 µs of CPU time by tf.data, of which gathering it "
    "alone takes 40; a whole batch is gathered in a quarter of that, but mirrored in ten times as "
    "much. The random numbers, a third of it before, are drawn for the whole epoch at once"
)

REASONS: dict[tuple[str, str], str] = {
    (f"{preprocess.PART}, built-in images", preprocess.FLOOR_TEXT): _WHOLE_STAGE,
    (f"{preprocess.PART}, real images", preprocess.FLOOR_TEXT): _WHOLE_STAGE,
    (inputs.FIRST, inputs.GENERATOR): _FIRST_EPOCH,
    (inputs.LATER, inputs.GENERATOR): _LATER_EPOCHS,
    (inputs.LATER, inputs.PAGE_CACHE): _LATER_EPOCHS,
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
