"""A sweep beyond one machine: cut into shards, walked apart, joined to the bit."""
