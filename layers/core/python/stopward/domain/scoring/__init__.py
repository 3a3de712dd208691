"""Scoring a signal: who decides, what moved the score, what is logged of it."""
