"""The rule kernel: tuples of numbers and pure functions, interpreted live and compiled in replay.

Standard library only, and only the subset of Python that numba compiles (see docs/adr/0003).
"""
