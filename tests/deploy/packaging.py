"""Zip what is uploaded, measure it against Lambda's limits, and unzip it as Lambda does."""

import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stopward.local.host.template import FunctionDefinition

MIB = 1024 * 1024
MOST_ZIPPED = 50_000_000
"""Bytes of one zip that is uploaded."""
MOST_UNZIPPED = 250 * MIB
"""Bytes of a function and all of its layers together. Source: AWS Lambda, "Lambda quotas"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zipped:
    """One zip: its bytes, and those of its files. folder: what it was made of."""

    folder: Path
    path: Path
    zipped: int
    unzipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A function laid out as on Lambda. task is /var/task, opt is /opt with its layers."""

    name: str
    definition: FunctionDefinition
    code: Zipped
    layers: Sequence[Zipped]
    task: Path
    opt: Path

    @property
    def unzipped(self) -> int:
        """Bytes that count: the function's and its layers'."""
        return self.code.unzipped + sum(layer.unzipped for layer in self.layers)

    def paths(self) -> tuple[Path, ...]:
        """Return where Lambda's Python looks first, in its order."""
        version = self.definition.runtime
        return (self.task, self.opt / "python/lib" / version / "site-packages", self.opt / "python")

    def faults(self) -> list[str]:
        """Return a line for each limit that is passed."""
        found = [
            f"{self.name}: {part.folder.name} is {part.zipped} bytes zipped, over {MOST_ZIPPED}"
            for part in (self.code, *self.layers)
            if part.zipped > MOST_ZIPPED
        ]
        if self.unzipped > MOST_UNZIPPED:
            found.append(
                f"{self.name}: {self.unzipped / MIB:.0f} MiB unzipped, over {MOST_UNZIPPED // MIB}"
            )
        return found


def package(functions: Mapping[str, FunctionDefinition], *, to: Path) -> tuple[Package, ...]:
    """Zip every function and layer once and lay each function out below `to`, by name."""
    zips: dict[Path, Zipped] = {}
    opts: dict[tuple[Path, ...], Path] = {}

    def zipped(folder: Path) -> Zipped:
        found = folder.resolve()
        if found not in zips:
            zips[found] = pack(found, to / "zips" / f"{len(zips)}-{found.name}.zip")
        return zips[found]

    def unpacked(layers: tuple[Zipped, ...]) -> Path:
        key = tuple(layer.path for layer in layers)
        if key not in opts:
            opts[key] = to / f"opt-{len(opts)}"
            for layer in layers:  # a later one writes over an earlier one
                unpack(layer.path, opts[key])
        return opts[key]

    made = []
    for name, definition in sorted(functions.items()):
        code, layers = zipped(definition.code_folder), tuple(map(zipped, definition.layer_folders))
        unpack(code.path, to / "task" / name)
        made.append(
            Package(
                name=name,
                definition=definition,
                code=code,
                layers=layers,
                task=to / "task" / name,
                opt=unpacked(layers),
            )
        )
    return tuple(made)


def pack(folder: Path, path: Path) -> Zipped:
    """Zip all files of a folder, as `sam deploy` does before it uploads them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unzipped = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files_below(folder):
            archive.write(file, file.relative_to(folder))
            unzipped += file.stat().st_size
    return Zipped(folder=folder, path=path, zipped=path.stat().st_size, unzipped=unzipped)


def unpack(path: Path, to: Path) -> None:
    """Unzip into a folder. Times of files are not kept, as on Lambda."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(to)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder, in order of its name."""
    for at, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(at) / name for name in sorted(names))


def size_rows(packages: Sequence[Package]) -> list[tuple[str, ...]]:
    """Return the table of sizes: a head, each function, each layer once."""
    rows = [("package", "zipped MB", "of 50", "unzipped MiB", "with layers, of 250")]
    seen: dict[Path, Zipped] = {}
    for each in packages:
        rows.append((each.name, *_sizes(each.code), f"{each.unzipped / MIB:.1f}"))
        seen |= {layer.path: layer for layer in each.layers}
    rows += [(f"layer {layer.folder.name}", *_sizes(layer), "") for layer in seen.values()]
    return rows


def _sizes(part: Zipped) -> tuple[str, str, str]:
    share = part.zipped / MOST_ZIPPED
    return f"{part.zipped / 1e6:.2f}", f"{share:.0%}", f"{part.unzipped / MIB:.2f}"
