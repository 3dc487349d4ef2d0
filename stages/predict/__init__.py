"""Answer for images with the model file: a command, and an API in image_answers.py."""
