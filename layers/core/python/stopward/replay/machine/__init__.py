"""A compiler for the subset of Python that rules are written in, and for nothing else.

`kinds` says what values there are, `values` what the compiler holds of them, `expressions` and
`statements` translate one function, `program` all that a function reaches, `native` makes machine
code of it, and keeps it. Which subset it is `tests/rules/test_kernel_subset.py` says.
"""
