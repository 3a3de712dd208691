"""Replay at the command line: files in, tables and a page out."""
