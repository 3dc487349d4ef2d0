"""The shard format: written by preprocess, read by train and evaluate.

    <shards>/index.json                          crop size, image size, classes, cells per shard
    <shards>/<split>/<split>-00000.tfrecord      ZLIB level 1, one tf.train.Example per cell

A record holds `image` (the raw bytes of a uint8 array, image_size × image_size × 3, RGB),
`label` (0 HEM, 1 ALL) and `image_id` (the file name). Records are in the order of cells.csv.
"""


def shard_name(split: str, number: int) -> str:
    """Return the path of a shard under the shard folder."""
    return f"{split}/{split}-{number:05d}.tfrecord"
