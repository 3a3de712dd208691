"""Modules that need packages which come with another command of make."""

from importlib import import_module
from types import ModuleType

from stopward.errors import InvalidInput


def loaded(module: str, *, by: str) -> ModuleType:
    """Return a module of `stopward.local`. by: what of make installs its packages.

    Raises InvalidInput that names the package which is missing.
    """
    try:
        return import_module(f"stopward.local.{module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("stopward"):
            raise
        raise InvalidInput(
            f"this needs {error.name}, which is not installed: run make {by} once"
        ) from error
