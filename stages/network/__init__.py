"""The network and its file."""
