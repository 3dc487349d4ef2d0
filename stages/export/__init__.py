"""Export, `make export`: the model as one ONNX file, from the original image to the answer."""
