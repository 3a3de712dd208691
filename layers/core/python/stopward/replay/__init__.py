"""Replay: the same rules over past bars, compiled. Needs the `replay` extra (llvmlite, numpy)."""
