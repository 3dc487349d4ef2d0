"""The input pipeline of training and validation."""
