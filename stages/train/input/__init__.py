"""The batches that training and validation see."""
