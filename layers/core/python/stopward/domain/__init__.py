"""The nouns of guarding a position: values and pure functions, standard library only."""
