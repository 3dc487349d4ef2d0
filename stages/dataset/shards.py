"""The shard format: written by preprocess, read by train and evaluate.

    <shards>/index.json               crop size, image size, classes
    <shards>/records.csv              one row per cell: its image, label, shard, offset and size
    <shards>/shard-00000.tfrecord     TFRecord, not compressed, one tf.train.Example per cell

A record holds `image` (a Zstandard frame of the bytes of a uint8 array, image_size × image_size ×
3, RGB), `label` (0 HEM, 1 ALL) and `image_id` (the name of the image). Which cell is for training
does not matter here: records are in the order of image names, and records.csv says where in a shard
the frame of each cell is, so that any cells can be read without the others.
"""

RECORD_COLUMNS = {
    "image": "str",
    "label": "str",
    "shard": "int64",
    "offset": "int64",
    "size": "int64",
}
"""Columns of records.csv. Offset and size are those of the Zstandard frame, in bytes."""


def shard_name(number: int) -> str:
    """Return the name of a shard in its folder."""
    return f"shard-{number:05d}.tfrecord"
