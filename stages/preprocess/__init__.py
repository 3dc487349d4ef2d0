"""DVC stage preprocess: crop and resize the images, and write them as TFRecord shards."""
