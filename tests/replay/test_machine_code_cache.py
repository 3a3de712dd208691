"""Machine code of rules, kept in a folder that is named by what it depends on."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import llvmlite
import pytest

from stopward.replay import compiled as subject
from stopward.replay.machine import native
from stopward.rules.geometry import tighter

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from stopward.replay.compiled import compiled, keep_in
from stopward.rules.series import rolling_highest
keep_in(Path(sys.argv[1]))
twin = compiled(rolling_highest)
column = np.zeros(3)
twin(np.array([1.0, 3.0, 2.0]), 2, column)
print(column.tolist()[1:], twin.loaded)
"""


def run(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_second_process_loads_what_the_first_compiled(tmp_path: Path) -> None:
    assert run(tmp_path) == "[3.0, 3.0] 0"
    assert [path.name for path in tmp_path.iterdir()] == [subject.sources_digest()]
    assert run(tmp_path) == "[3.0, 3.0] 1"


def test_changed_rules_have_a_folder_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "geometry.py").write_text("one")
    monkeypatch.setattr(subject, "RULES", tmp_path)
    digest = subject.sources_digest.__wrapped__
    before = digest()
    assert digest() == before
    (tmp_path / "geometry.py").write_text("two")
    assert digest() != before


def test_nothing_is_written_beside_the_sources_without_a_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subject, "_folder", None)
    subject.compiled(tighter)(1.0, 2.0, 3.0)
    assert list(subject.RULES.rglob("*.o")) == []


def test_code_for_any_processor_is_not_code_for_this_one() -> None:
    assert subject.sources_digest(native.GENERIC) != subject.sources_digest()


def test_what_is_kept_is_written_whole_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "below" / "walk.o"
    native.keep(b"code", path)
    assert [each.name for each in path.parent.iterdir()] == ["walk.o"]
    assert native.kept(path) == b"code"


@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_kept_code_that_is_torn_is_made_again(tmp_path: Path, cut: int) -> None:
    run(tmp_path)
    (path,) = tmp_path.rglob("*.o")
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    assert run(tmp_path) == "[3.0, 3.0] 0"
    assert path.read_bytes() == whole


def test_kept_code_with_one_bit_that_fell_is_made_again(tmp_path: Path) -> None:
    run(tmp_path)
    (path,) = tmp_path.rglob("*.o")
    odd = bytearray(path.read_bytes())
    odd[len(odd) // 2] ^= 1
    path.write_bytes(odd)
    assert run(tmp_path) == "[3.0, 3.0] 0"
    assert run(tmp_path) == "[3.0, 3.0] 1"


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("no folder")
    assert run(nowhere) == run(nowhere) == "[3.0, 3.0] 0"


@pytest.mark.parametrize("other", ["digest/finish.o", "other/walk.o"])
def test_code_is_not_taken_for_other_code(other: str, tmp_path: Path) -> None:
    path = tmp_path / "digest" / "walk.o"
    native.keep(b"code", path)
    (tmp_path / other).parent.mkdir(exist_ok=True)
    path.rename(tmp_path / other)
    assert native.kept(tmp_path / other) is None


def test_what_everybody_may_write_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "walk.o"
    native.keep(b"code", path)
    path.chmod(0o666)
    assert native.kept(path) is None


def test_what_another_user_wrote_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "walk.o"
    native.keep(b"code", path)
    if os.geteuid() == 0:  # only root gives files away; anybody else becomes another
        os.chown(path, 12_345, 12_345)
    else:
        monkeypatch.setattr(native.os, "geteuid", lambda: 12_345)
    assert native.kept(path) is None


def test_many_that_write_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path, codes = tmp_path / "walk.o", [bytes([each]) * 100_000 for each in range(40)]

    def kept_then(code: bytes) -> bytes | None:
        native.keep(code, path)
        return native.kept(path)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(kept_then, codes)) <= set(codes)
    assert [each.name for each in tmp_path.iterdir()] == ["walk.o"]


def test_nothing_of_a_function_beyond_the_rules_is_kept(tmp_path: Path) -> None:
    twin = subject.twin_of(halved, tmp_path)
    assert twin(3.0) == 1.5
    assert not twin.loaded
    assert list(tmp_path.rglob("*.o")) == []


def test_nothing_is_kept_once_the_sources_are_not_those_that_were_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_processor", None)
    folder = tmp_path / subject.sources_digest()
    subject.Twin(tighter, folder)(1.0, 2.0, 3.0)
    (kept,) = folder.iterdir()
    kept.unlink()
    monkeypatch.setattr(subject, "RULES", tmp_path)
    assert subject.Twin(tighter, folder)(1.0, 2.0, 3.0) == tighter(1.0, 2.0, 3.0)
    assert list(folder.iterdir()) == []


def test_code_depends_on_the_versions_of_what_made_it() -> None:
    said = native.versions().split()
    assert {llvmlite.__version__, sys.implementation.cache_tag} <= set(said)


def halved(x: float) -> float:
    return x * 0.5
