"""A tiny Lambda host: the deployed handlers, each in a process of its own, on one machine."""
