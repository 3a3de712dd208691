"""Where an archive is, as people write it: s3://bucket/prefix, file:///path, or a path."""

from pathlib import Path
from urllib.parse import unquote

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.archive_s3 import S3Archive
from stopward.errors import InvalidInput

Place = FolderArchive | S3Archive


def archive_at(place: str) -> Place:
    """Return the archive at a place. Raises InvalidInput for an address of neither kind."""
    # Not urlsplit: what it takes for a query or a fragment is part of a key.
    scheme, is_url, rest = place.partition("://")
    bucket, _, prefix = rest.partition("/")
    if is_url and scheme == "s3" and bucket:
        return S3Archive(bucket, prefix=prefix)
    if is_url and scheme == "file" and rest.startswith("/"):
        return FolderArchive(Path(unquote(rest)))
    if not place or is_url:
        raise InvalidInput(f"place was {place!r}; allowed is a folder, or s3://bucket/prefix")
    return FolderArchive(Path(place))


def object_at(location: str) -> tuple[Place, str]:
    """Return the archive that holds an object, and its key there."""
    place, slash, name = location.rpartition("/")
    if not name or place in {"s3:/", "s3:", "file:/", "file:"}:
        raise InvalidInput(f"archive was {location!r}; allowed is a file, or s3://bucket/key")
    if place in {"", "file://"}:
        place += slash or "."
    return archive_at(place), name
