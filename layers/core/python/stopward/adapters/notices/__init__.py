"""Notices on their way out: webhooks, Slack, Discord, ntfy and SNS."""

from stopward.adapters.notices.formats import Message, compose
from stopward.adapters.notices.sender import Notices

__all__ = ["Message", "Notices", "compose"]
