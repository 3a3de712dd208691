"""The outside world behind the ports; here, and only here, a vendor has a name."""
