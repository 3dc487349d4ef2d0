"""The pipeline's stages, one package each, over the shared modules beside this file."""
