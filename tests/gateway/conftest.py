"""The gateway's fixtures."""

from tests.builders.gateway_fixtures import gateway, login_url

__all__ = ["gateway", "login_url"]
