"""A sweep for many machines: written to a bucket, and judged when they have walked it."""

import json
from importlib.util import find_spec
from typing import TextIO

from stopward.adapters.archive_location import Place, archive_at
from stopward.adapters.archive_s3 import S3Archive
from stopward.errors import InvalidInput
from stopward.local.exit_code import ExitCode
from stopward.local.replay import sweeping
from stopward.local.screen.words import counted
from stopward.replay.grid import parse_grid
from stopward.replay.sharding.order import GRID, POSITIONS, TERMS, Order, terms_from
from stopward.replay.sharding.rows import positions_from
from stopward.replay.sharding.sending import Sent, send
from stopward.replay.sharding.walking import content, join
from stopward.replay.sweep import judge_sets


def send_sweep(
    order: Order, *, place: str, sets_a_shard: int | None, as_json: bool, output: TextIO
) -> ExitCode:
    """Write a sweep below s3://bucket/prefix, and tell how to start its walk and how to judge it.

    Raises ArchiveUnavailable and ArchiveRejected as S3 does.
    """
    sent = send(order, place=place, archive_at=archive_at, sets_a_shard=sets_a_shard)
    if as_json:
        output.write(json.dumps(_document(sent), indent=1) + "\n")
        return ExitCode.OK
    there = "lie" if sent.is_new else "were there already,"
    output.write(
        f"{counted(sent.shards[-1].last, 'rule set')} {there} in "
        f"{counted(len(sent.shards), 'shard')}, in {sent.place}\n"
        "start their walk with\n"
        '  aws stepfunctions start-execution --state-machine-arn "$SWEEP_ARN" '
        f"--input '{json.dumps(execution_input(sent))}'\n"
        f"and when it has ended judge them with\n  stopward sweep --from {sent.place}\n"
    )
    return ExitCode.OK


def join_sweep(place: str, *, as_json: bool, output: TextIO) -> ExitCode:
    """Judge a sweep from what its shards found, and tell it as one that was walked here.

    Raises InvalidInput when a shard has no result yet, or the manifest is not one of this sweep.
    """
    archive = bucket_at(place, option="--from")
    terms = terms_from(content(archive, TERMS))
    positions = positions_from(content(archive, POSITIONS))
    grid = parse_grid(content(archive, GRID).decode(), source=terms.grid_source)
    walked = join(archive, sets=terms.sets, positions=positions)
    return sweeping.told(judge_sets(walked, grid.split), grid, as_json=as_json, output=output)


def execution_input(sent: Sent) -> dict[str, str]:
    """Return what the state machine is started with: where the manifest lies, and runs are told."""
    bucket, _, key = sent.manifest.removeprefix("s3://").partition("/")
    return {"bucket": bucket, "manifest": key, "runs": f"{key.rpartition('/')[0]}/runs"}


def bucket_at(place: str, *, option: str) -> Place:
    """Return the bucket at a place. Raises InvalidInput: what it was, or what is not installed."""
    archive = archive_at(place)
    if not isinstance(archive, S3Archive):
        raise InvalidInput(f'{option} was "{place}"; allowed is s3://bucket/prefix')
    if find_spec("boto3") is None:
        raise InvalidInput(f"{option} needs boto3, which is not installed: pip install boto3 once")
    return archive


def _document(sent: Sent) -> dict[str, object]:
    return {
        "place": sent.place,
        "sets": sent.shards[-1].last,
        "shards": len(sent.shards),
        "is_new": sent.is_new,
        "input": execution_input(sent),
    }
