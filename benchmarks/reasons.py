"""Reasons for missed targets, and what was tried. Shown only while the target is missed."""

from __future__ import annotations

from benchmarks import cross_validation, first_step, peak_memory, preprocess, training

_STAGE = (
    "Before that it imports TensorFlow's record writer, pandas and what reads parameters, on one "
    "core, 0.9 s of"
)
_TRIED = (
    "Measuring size and brightness is ten times faster than it was, that import took 4 s, the "
    "largest shards are written first. Processes in place of threads took 5.9 s instead of 6.1 on "
    "built-in images and 2.8 instead of 3.2 on real ones, but they outlive a stage that is killed "
    "by SIGKILL"
)
_BUILT_IN = (
    "an image takes 4.0 ms of CPU time to be inflated (bzip2) and decoded, and in the stage 0.8 to "
    "be resized with Pillow, 0.1 to be measured and 0.2 to be compressed: "
    f"that alone would be 0.78 of the floor. {_STAGE} about 6. {_TRIED}"
)
_REAL = (
    "an image takes 1.9 ms of CPU time to be inflated and decoded, and in the stage 0.5 to be "
    "resized with Pillow, 0.1 to be measured and 0.2 to be compressed: that "
    f"alone would be 0.7 of the floor. {_STAGE} about 3, for so few images. {_TRIED}. python-isal "
    "would inflate in half the time (0.75 of the floor instead of 0.67, in CPU time, without the "
    "start): not enough, and one dependency more"
)
_PEER = (
    "where inflating bzip2 is most of the work, inflating alone on two cores is hardly four times "
    "as fast as the usual way on one: 3 times that way is 0.8 of that floor, which see"
)
_WHOLE_EPOCH = (
    "each epoch ends with a checkpoint of 180 MB, 0.3 to 0.7 s, which an epoch of 200 images pays "
    "as one of the 7,462 of the full training set does, where it is 0.3 % of the time"
)

REASONS: dict[tuple[str, str], str] = {
    (f"{preprocess.PART}, {preprocess.BUILT_IN}", preprocess.FLOOR_TEXT): _BUILT_IN,
    (f"{preprocess.PART}, {preprocess.BUILT_IN}", preprocess.PEER_TEXT): _PEER,
    (f"{preprocess.PART}, {preprocess.REAL}", preprocess.FLOOR_TEXT): _REAL,
    (training.WHOLE, f"{training.SAME_STEPS}, and validation"): _WHOLE_EPOCH,
    (training.FULL_STEPS, training.IN_TORCH): (
        "these are deterministic steps, without oneDNN's graphs, which compute the same bits "
        "everywhere. Batch norm in closed form, products in place of 1 × 1 convolutions, SiLU with "
        "its sigmoid kept and memory kept took a third off them; what is left goes through memory "
        "one operation after the other (docs/log.md)"
    ),
    (training.FROZEN_FLIPS, training.BASE_TRAINED): (
        "such an epoch is the forward pass of every cell, in training and validation, and little "
        "else; with the base trained that pass is more than a quarter of an epoch, and with the "
        "quicker gradients, which the pass of a frozen base has no use for, a larger part of it "
        "than before (the ratio was 4.5). Less than the pass there cannot be where each epoch sees "
        "other pixels"
    ),
    (first_step.PART, first_step.AGAINST): (
        "the row is older than the optimizer's update in one operation a weight, which took about "
        "10 s off the first step. Of what is left, importing TensorFlow takes 3.3 CPU seconds, "
        "building network and optimizer 2, and tracing the step and preparing its graph the most; "
        "the graph's other optimisations cannot be switched off without other bits (docs/log.md). "
        "One after the other on one core, all of it waits for the core"
    ),
    (cross_validation.START, cross_validation.TRAINING): (
        "two thirds of it is the graph of the first step, which TensorFlow traces and prepares on "
        "one core, as in the row of that step. Measured while others worked on both cores; a run "
        "before it, with JAX imported, gave 0.096"
    ),
    (cross_validation.STEPS, cross_validation.EPOCHS): (
        "it is the start again, for which the row above would leave 10 %: a process for each "
        "member imports TensorFlow, reads the shards, builds network and optimizer, and traces and "
        "prepares its graph. With longer epochs, as on the real cells, it weighs less. "
        "Several members in one process would share that, and would no longer be killed, gone on "
        "with and cached one by one"
    ),
    (peak_memory.part(peak_memory.IMAGE_SIZE), peak_memory.AGAINST): (
        "the layers' outputs that the backward pass reads are 7.7 GB, 4.5 of them of the stem and "
        "blocks 1 to 3a; gradients of the largest, 0.3 GB each, TensorFlow and its code come on "
        "top. TensorFlow's own recomputation of cheap operations freed 4 % and changed bits. "
        "Computing whole blocks again would need a model of another structure, with batch norm's "
        "averages and dropout's seeds kept from moving twice, and a second forward pass of the "
        "blocks with the most pixels. A smaller `batch_size` with `accumulate_batches` is the way "
        "for a small memory, with batch norm over fewer cells"
    ),
}
"""Reasons by part and against, without a full stop."""
