"""Options that were typed and mean nothing beside the others: refused, never passed over."""

from collections.abc import Collection

import click

COMMAND_LINE = click.core.ParameterSource.COMMANDLINE


def refuse_typed(context: click.Context, names: Collection[str], why: str) -> None:
    """Raise UsageError when one of these parameters was typed.

    What a setting of the environment says is no mistake. why: follows the option's name.
    """
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in names and context.get_parameter_source(name) is COMMAND_LINE:
            raise click.UsageError(f"{parameter.opts[0]} {why}")


def all_but(context: click.Context, *names: str) -> frozenset[str]:
    """Return the names of all parameters of a command but these."""
    return frozenset(each.name or "" for each in context.command.params) - set(names)
