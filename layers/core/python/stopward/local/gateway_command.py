"""The command that serves the views of the newest local run to supabase-py and supabase-js."""

import click

from stopward.local.up.home import Home


@click.command()
@click.option("--member", metavar="UUID", help="Print an access token of this person, for a day.")
@click.pass_obj
def gateway(home: Home, *, member: str | None) -> None:
    """Serve the newest local run to supabase-py and supabase-js, until Ctrl-C.

    A run that `stopward up` plays or shows is served already.
    """
    from datetime import timedelta
    from threading import Event

    from stopward.adapters.clocks import SystemClock
    from stopward.local.gateway import load_keys, sign_token
    from stopward.local.gateway.running import gateway_over
    from stopward.local.up.database import opened_again

    clock = SystemClock()
    if member is not None:
        keys = load_keys(home.folder)
        valid_for = timedelta(days=1)
        click.echo(
            sign_token(keys.token_secret, user_id=member, now=clock.now(), valid_for=valid_for)
        )
        return
    run = home.last_run()
    with (
        opened_again(home, run) as database,
        gateway_over(database.owner_url, folder=home.folder, clock=clock) as running,
    ):
        click.echo(f"run {run.name}, until Ctrl-C (docs/querying.md says how):", err=True)
        for line in running.lines():
            click.echo(line)
        try:
            Event().wait()
        except KeyboardInterrupt:
            click.echo("stopping", err=True)
