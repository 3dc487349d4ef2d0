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
}
"""By part and against, without a full stop."""
