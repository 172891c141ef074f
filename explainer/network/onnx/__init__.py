"""A network as one graph of our own, for everything that this tool asks of it, run by ONNX Runtime."""
