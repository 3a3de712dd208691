"""A sweep laid where its shards are walked: each file once, below the digest of them all."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stopward.ports import Archive
from stopward.replay.sharding.order import MANIFEST, Order, digest_of, files_of
from stopward.replay.sharding.shards import Shard, cut, manifest, sets_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A sweep that lies ready. place: where; manifest: its address; is_new: it was not there."""

    place: str
    manifest: str
    shards: Sequence[Shard]
    is_new: bool


def send(
    order: Order, *, place: str, archive_at: Callable[[str], Archive], sets_a_shard: int | None
) -> Sent:
    """Write a sweep below a place, under the digest of its files; what is there is left as it is.

    sets_a_shard: rule sets of a shard; None chooses. The manifest is written last, so where there
    is one, all is there. Raises ArchiveUnavailable and ArchiveRejected.
    """
    most = sets_a_shard or sets_for(len(order.positions))
    files = files_of(order, sets_a_shard=most)
    own = f"{place.rstrip('/')}/{digest_of(files)}"
    archive = archive_at(own)
    shards = cut(1 + len(order.parsed_grid()), most=most, place=own)
    for name, content in files.items():
        archive.put(name, io.BytesIO(content))
    is_new = archive.put(MANIFEST, io.BytesIO(manifest(shards).encode()))
    return Sent(place=own, manifest=archive.location(MANIFEST), shards=shards, is_new=is_new)
