"""Where an archive is, as people write it: s3://bucket/prefix, file:///path, or a path."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.archive_s3 import S3Archive
from stopward.errors import InvalidInput

Place = FolderArchive | S3Archive


def archive_at(place: str) -> Place:
    """Return the archive at a place. Raises InvalidInput for an address of neither kind."""
    parts = urlsplit(place)
    if parts.scheme == "s3" and parts.netloc:
        return S3Archive(parts.netloc, prefix=parts.path)
    if parts.scheme == "file" and not parts.netloc:
        return FolderArchive(Path(unquote(parts.path)))
    if not place or "://" in place:
        raise InvalidInput(f"place was {place!r}; allowed is a folder, or s3://bucket/prefix")
    return FolderArchive(Path(place))


def object_at(location: str) -> tuple[Place, str]:
    """Return the archive that holds an object, and its key there."""
    place, slash, name = location.rpartition("/")
    if not name or place in {"s3:/", "s3:"}:
        raise InvalidInput(f"archive was {location!r}; allowed is a file, or s3://bucket/key")
    return archive_at(place or slash or "."), name
