"""What a training step does, and what happens between two of them."""
