"""The load run: many accounts through the deployed handlers, in slow motion. `make load`."""
