"""A page that a command writes where it was told to."""

from pathlib import Path

from stopward.errors import InvalidInput


def check_writable(path: Path) -> None:
    """Raise InvalidInput unless a page can lie at `path`; asked before any work is done."""
    if path.is_dir():
        raise InvalidInput(f"--html was {path}: that is a folder; name a file in it")
    if not path.parent.is_dir():
        raise InvalidInput(f"--html was {path}: there is no folder {path.parent}; make it first")


def write(text: str, path: Path) -> None:
    """Write a page. Raises InvalidInput when it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InvalidInput(f"--html was {path}: cannot be written: {error.strerror}") from error
