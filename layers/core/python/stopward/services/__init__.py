"""Use cases: they orchestrate ports and pure functions, and return summaries."""
