"""Market data for local mode: the trader's own files, and real data from two PyPI packages."""
