"""Training: closed trades to a judged model in one ONNX file. Needs the `train` extra."""
