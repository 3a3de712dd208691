"""The rule kernel: tuples of numbers and pure functions, interpreted live and compiled in replay.

Standard library only, and only the subset of Python that `stopward.replay.machine` compiles (see
docs/adr/0003 and 0033).
"""
