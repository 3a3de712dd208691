"""What `stopward rules check FILE` and `stopward rules explain FILE` do, without a terminal."""

from pathlib import Path
from typing import Final

from stopward.domain.rulebook import RuleBook, explain, parse
from stopward.errors import InvalidInput
from stopward.local.data.demo import demo_rules

DEMO_NAME: Final = "demo.toml"
LARGEST_BYTES: Final = 1_000_000


def load(path: Path) -> RuleBook:
    """Return the rules of a file; raises InvalidInput with every problem in it."""
    return parse(read_text(path), source=str(path))


def load_demo() -> RuleBook:
    """Return the rules of the demo."""
    return parse(demo_rules(), source=DEMO_NAME)


def check(path: Path) -> str:
    """Return one line that says what a valid file turns on; raises InvalidInput for any other."""
    book = load(path)
    return (
        f"{path}: valid; rules on: {enabled(book)}; overrides: {overridden(book)}; "
        f"hash: {book.hash[:12]}"
    )


def enabled(book: RuleBook) -> int:
    """Return how many rules are on."""
    return sum(params is not None for params in book.base)


def overridden(book: RuleBook) -> int:
    """Return for how many symbols and tags the rules differ."""
    return len(book.symbols) + len(book.tags)


def explained(path: Path) -> str:
    """Return a valid file in plain sentences; raises InvalidInput for any other."""
    return explain(load(path))


def read_text(path: Path) -> str:
    """Return the text of a rules file, UTF-8 with or without a byte order mark."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise InvalidInput(f"{path}: is over {LARGEST_BYTES:,} bytes; is it a rules file?")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: not UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from error
    if not text.strip():
        raise InvalidInput(f"{path}: is empty; write at least the line [account]")
    return text
