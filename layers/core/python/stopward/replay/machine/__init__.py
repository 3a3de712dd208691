"""A compiler for the subset of Python that rules are written in, and for nothing else.

It does what Python does, to the bit, or refuses by file and line; where Python would raise, its
code stops. `subset` says what a function must be, `stops` why code stops, `arithmetic` what numbers
do. `kinds` says what values there are, `values` what the compiler holds of them, `expressions` and
`statements` translate one function, `program` all that a function reaches, `native` makes machine
code of it, and keeps it. Which subset it is `tests/rules/test_kernel_subset.py` says.
"""
