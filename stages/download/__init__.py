"""The download stage: the dataset archive and the ImageNet weights, verified on arrival."""
