"""What the readers of URLs share: which host is this machine, and what stands for a secret."""

from ipaddress import ip_address

HIDDEN = "***"
"""What a message has in the place of a secret."""


def is_this_machine(host: str) -> bool:
    """Tell whether a host's name or address cannot leave this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
