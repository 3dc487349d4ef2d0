"""DVC stage evaluate: measure the model on the test cells, and the external ones."""
