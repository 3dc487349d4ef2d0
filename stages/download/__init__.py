"""DVC stage download: fetch and verify the dataset archive and the ImageNet weights."""
