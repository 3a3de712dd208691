"""`stopward model`: training on this machine. Needs the `train` extra."""
