"""An archive in a folder: local mode, or a disk of one's own."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from stopward.errors import ArchiveRejected, ArchiveUnavailable

CHUNK = 1 << 20


class FolderArchive:
    """Objects as files below a folder, which is made at the first write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def location(self, key: str) -> str:
        """Return the file's URL."""
        return self._path(key).as_uri()

    def put(self, key: str, source: BinaryIO) -> bool:
        """Write a file whole or not at all; False when there is one of that key."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return _written(path, source)
        except OSError as error:
            raise ArchiveUnavailable(f"{path} could not be written: {_why(error)}") from error

    def open(self, key: str) -> BinaryIO:
        """Return a file to read."""
        path = self._path(key)
        try:
            return path.open("rb")
        except FileNotFoundError as error:
            raise ArchiveRejected(f"{path} is not there") from error
        except OSError as error:
            raise ArchiveUnavailable(f"{path} could not be read: {_why(error)}") from error

    def _path(self, key: str) -> Path:
        path = self._folder / key
        if ".." in path.parts:
            raise ArchiveRejected(f"{key} leads out of {self._folder}")
        return path


def _written(path: Path, source: BinaryIO) -> bool:
    if path.exists():
        return False
    source.seek(0)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(source, file, CHUNK)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never takes the place of another file.
        with suppress(FileExistsError):
            os.link(beside, path)
            _sync_folder(path.parent)
            return True
        return False
    finally:
        os.unlink(beside)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
