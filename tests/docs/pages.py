"""The pages that people read, and the code in them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "infra/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`]+)`")


def page(name: str) -> str:
    """Return a page's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """Return the fenced blocks of one language; "" is none."""
    return [code for found, code in FENCE.findall(page(name)) if found == language]


def without_blocks(text: str) -> str:
    """Return a text without its fenced blocks."""
    return FENCE.sub("", text)


def spoken(name: str) -> Iterator[str]:
    """Yield what a page asks to type or names: lines of plain blocks, and inline code."""
    for code in blocks(name, ""):
        for line in code.splitlines():
            yield line.split("#", maxsplit=1)[0].strip()
    for code in INLINE.findall(without_blocks(page(name))):
        yield " ".join(code.split())


def section(name: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one of its level or above."""
    level = heading.split(" ", maxsplit=1)[0]
    found = re.search(
        rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)",
        page(name),
        re.DOTALL | re.MULTILINE,
    )
    if found is None:
        raise LookupError(f"{name} has no heading {heading!r}")
    return found[1]


def refreshed(text: str, generated: Mapping[str, Callable[[], Iterable[str]]]) -> str:
    """Return a page with its generated blocks as the code says now, each by its name."""
    for name, lines in generated.items():
        body = "\n".join(lines())
        text = re.sub(
            rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)",
            lambda match, body=body: f"{match[1]}{body}\n{match[2]}",
            text,
            flags=re.DOTALL,
        )
    return text
