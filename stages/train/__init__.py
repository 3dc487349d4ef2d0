"""DVC stage train: fit the model and keep the weights of its best epoch."""
