"""The trader's own history: exports of a broker read, shown and stored."""
