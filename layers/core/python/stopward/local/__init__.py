"""What runs Stopward whole on one machine: the broker simulator, the host, the screen."""
