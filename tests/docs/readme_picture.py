"""The picture on top of the README: `python -m tests.docs.readme_picture` draws it anew."""

import re
import shlex
from pathlib import Path

from tests.docs.pages import ROOT, page
from tests.docs.readme_run import own_folder, run

SHOWN = re.compile(r"<!-- picture: stopward ([^>]*) -->\n!\[[^\]]+\]\(([^)]+)\)")


def shown() -> tuple[list[str], Path]:
    """Return the arguments of the command that draws the picture, and where it lies."""
    found = SHOWN.search(page("README.md"))
    if found is None:
        raise LookupError("README.md shows no picture")
    return shlex.split(found[1]), ROOT / found[2]


def drawn(arguments: list[str]) -> str:
    """Run the command in a folder of its own and return what it draws."""
    with own_folder() as folder:
        path = folder / "picture.svg"
        run(folder, [*arguments, "--picture", str(path)])
        return path.read_text(encoding="utf-8")


def main() -> None:
    """Draw the README's picture anew."""
    arguments, path = shown()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(drawn(arguments), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
