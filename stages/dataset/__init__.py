"""Read and write the dataset archive, the table of cells and the shards."""
