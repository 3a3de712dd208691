"""Commands about the installation and its database: doctor, db migrate, db remove."""

import click

from stopward.local.exit_code import ExitCode
from stopward.local.up.home import Home


@click.command()
@click.pass_obj
def doctor(home: Home) -> int:
    """Check the installation; each finding comes with its remedy."""
    import os

    from stopward.local.doctor import examine

    code = ExitCode.OK
    for finding in examine(home, environment=os.environ):
        click.echo(f"{'ok' if finding.is_well else 'NOT OK':<8}{finding.name:<10}{finding.seen}")
        if not finding.is_well:
            click.echo(f"{'':<18}remedy: {finding.remedy or finding.seen}")
            code = code or finding.code
    return code


@click.group()
def db() -> None:
    """The database."""


@db.command("migrate")
@click.option(
    "--url",
    "--database-url",
    required=True,
    envvar="STOPWARD_DATABASE_URL",
    help="Its owner's URL.",
)
@click.option("--plain", is_flag=True, help="No Supabase: create its roles and schemas first.")
def migrate_database(*, url: str, plain: bool) -> None:
    """Apply the migrations that a database does not have yet."""
    from stopward.local.migrate import migrate, prepare_platform
    from stopward.local.screen.words import counted

    if plain:
        prepare_platform(url)
    applied = migrate(
        url, waiting=lambda: click.echo("another migration is under way; waiting for it", err=True)
    )
    click.echo(f"{counted(len(applied), 'migration')} applied" if applied else "up to date")


@db.command("remove")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove_database(home: Home, *, yes: bool) -> None:
    """Stop the embedded server of --folder; delete its data and the records of its runs."""
    from stopward.local.up.removal import remove, what_is_kept

    kept = what_is_kept(home)
    if not kept:
        click.echo("there is no embedded database to remove")
        return
    if not yes:
        click.echo("\n".join(kept), err=True)
        click.confirm("Delete this for good?", abort=True, err=True)
    for sentence in remove(home):
        click.echo(sentence)
