"""Where a model card comes from: a manifest in a file, an archive or a database; live figures."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stopward.adapters.archive_location import archive_at
from stopward.domain.model_file import FORMAT, manifest_of
from stopward.errors import InvalidInput
from stopward.local.model.card_queries import LIVE, REGISTERED, STAGE
from stopward.local.screen.reader import AccountReader
from stopward.services.model_files import MODEL_ID, ModelFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a database knows of a model. alias: its role, None without one.

    figures: columns of api.model_performance_summary and of the last night. stage, weight: None
    before it has a place on the ladder.
    """

    alias: str | None
    figures: Mapping[str, Any]
    stage: str | None
    weight: str | None


def found(
    name: str, *, place: str, url: str | None, account: str
) -> tuple[dict[str, Any], Live | None]:
    """Return the manifest that `name` means, and what the account's database has of its model.

    name: a manifest, a folder with one, or a model's id: of the account when url is given, else in
    the archive at `place`. Raises InvalidInput where it is nowhere, ArchiveRejected for a manifest
    that cannot be understood, and what archive and database raise.
    """
    manifest = _in_file(Path(name))
    if manifest is not None and not MODEL_ID.fullmatch(str(manifest.get("model_id"))):
        raise InvalidInput(f"{name}: the manifest is of model {manifest.get('model_id')!r}")
    if url is None:
        return manifest or ModelFiles(archive_at(place)).manifest(name), None
    with closing(AccountReader(url, account_id=account)) as reader:
        reader.require_account()
        model_id = name if manifest is None else str(manifest.get("model_id"))
        rows = reader.rows(REGISTERED, model=model_id)
        if manifest is None:
            if not rows:
                raise InvalidInput(
                    f"model {name!r} is no file, no folder, and not registered for {account}: "
                    "the view api.models names those that are"
                )
            manifest = _registered(rows[0]["manifest"], name)
        return manifest, _live(reader, rows[0]["alias"], model_id) if rows else None


def _in_file(path: Path) -> dict[str, Any] | None:
    """Return the manifest at a path, None where nothing lies."""
    file = path / "manifest.json" if path.is_dir() else path
    if not file.is_file():
        if path.is_dir():
            raise InvalidInput(f"{path}: holds no manifest.json; name the folder of one model")
        return None
    return manifest_of(file.read_bytes(), where=str(file))


def _registered(manifest: Mapping[str, Any], name: str) -> dict[str, Any]:
    if manifest.get("format") != FORMAT:
        raise InvalidInput(
            f"model {name!r} was registered with a manifest of format {manifest.get('format')!r}; "
            f"this version reads {FORMAT}"
        )
    return dict(manifest)


def _live(reader: AccountReader, alias: str | None, model_id: str) -> Live:
    stages = reader.rows(STAGE, model=model_id)
    figures = reader.rows(LIVE, model=model_id)
    return Live(
        alias=alias,
        figures=figures[0] if figures else {},
        stage=stages[0]["stage"] if stages else None,
        weight=str(stages[0]["weight"]) if stages else None,
    )
