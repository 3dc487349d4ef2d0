"""The archive, the cells and the shards: how they are kept, written and read."""
