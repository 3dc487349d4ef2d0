"""The saved state of a training, from which a killed run resumes."""
