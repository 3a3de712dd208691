"""What a person sees of a run: a live table, a progress bar, a summary."""
