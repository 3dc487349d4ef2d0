"""The state of a training, with which a killed one goes on."""
