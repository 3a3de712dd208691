"""Zips, limits and the steps of a Dockerfile, without a build."""

import os
from pathlib import Path

import pytest

from tests.deploy.building import copy_source, functions_of
from tests.deploy.image import Image, Step, make_image, read_steps
from tests.deploy.interpreter import find_interpreter
from tests.deploy.packaging import MOST_UNZIPPED, MOST_ZIPPED, Package, Zipped, pack, unpack
from tests.docs.pages import ROOT


def a_package(**sizes: int) -> Package:
    part = Zipped(folder=Path("layer"), path=Path("z"), **{"zipped": 1, "unzipped": 1, **sizes})
    definition = functions_of(ROOT / "template.yaml")["monitor_positions"]
    code = Zipped(folder=Path("code"), path=Path("c"), zipped=1, unzipped=1)
    return Package(
        name="monitor_positions", definition=definition, code=code, layers=(part,),
        task=Path("task"), opt=Path("opt"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"zipped": MOST_ZIPPED, "unzipped": MOST_UNZIPPED - 1}, []),
        ({"zipped": MOST_ZIPPED + 1}, ["layer is 50000001 bytes zipped"]),
        ({"unzipped": MOST_UNZIPPED}, ["250 MiB unzipped, over 250"]),
    ],
)
def test_a_package_over_a_limit_is_a_fault(sizes: dict[str, int], says: list[str]) -> None:
    faults = a_package(**sizes).faults()
    assert len(faults) == len(says)
    assert all(text in fault for text, fault in zip(says, faults, strict=True))


def test_what_is_zipped_comes_out_the_same_without_its_times(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.py").write_text("x = 1\n", encoding="utf-8")
    os.utime(tmp_path / "in" / "deep" / "a.py", (1_600_000_000, 1_600_000_000))
    made = pack(tmp_path / "in", tmp_path / "a.zip")
    unpack(made.path, tmp_path / "out")
    out = tmp_path / "out" / "deep" / "a.py"
    assert (out.read_text(encoding="utf-8"), made.unzipped) == ("x = 1\n", 6)
    assert out.stat().st_mtime != 1_600_000_000


def test_a_build_starts_without_what_runs_left_behind(tmp_path: Path) -> None:
    folder = tmp_path / "root" / "layers" / "core"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__" / "a.cpython-312.pyc").touch()
    (folder / "a.py").touch()
    for name in ("functions", "infra", "requirements"):
        (tmp_path / "root" / name).mkdir()
    (tmp_path / "root" / "template.yaml").touch()
    source = copy_source(tmp_path / "root", tmp_path / "source")
    assert [path.name for path in (source / "layers" / "core").iterdir()] == ["a.py"]


def test_steps_of_a_dockerfile_are_read_with_their_continued_lines() -> None:
    text = '# a\nFROM x\nENV A=1 \\\n    B=2\n\n# b\nRUN one && \\\n    two\nCMD ["app.handler"]\n'
    assert read_steps(text) == (
        Step(word="FROM", rest="x"),
        Step(word="ENV", rest="A=1 B=2"),
        Step(word="RUN", rest="one &&      two"),
        Step(word="CMD", rest='["app.handler"]'),
    )


def test_a_step_that_the_check_does_not_do_is_refused() -> None:
    with pytest.raises(ValueError, match="does not know ENTRYPOINT"):
        read_steps("FROM x\nENTRYPOINT y\n")


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*/Dockerfile")), ids=str)
def test_the_steps_of_our_own_images_are_known(path: Path) -> None:
    words = {step.word for step in read_steps(path.read_text(encoding="utf-8"))}
    assert {"FROM", "COPY", "RUN", "CMD"} <= words


def an_image(folder: Path, app: str) -> Image:
    """Do the steps of a Dockerfile that notes each time that it is done."""
    source = folder / "source"
    for name in ("functions/f", "requirements"):
        (source / name).mkdir(parents=True, exist_ok=True)
    (source / "requirements" / "shard.txt").touch()
    (source / "functions" / "f" / "app.py").write_text(app, encoding="utf-8")
    (source / "functions" / "f" / "Dockerfile").write_text(
        "FROM x\nENV WORD=said OTHER=2\nCOPY functions/f/app.py ./\n"
        'RUN echo "$WORD" >> ../done && python -c "open(\'made\', \'w\')"\nCMD ["app.handler"]\n',
        encoding="utf-8",
    )
    own = find_interpreter("python2.0")
    return make_image(source, "f", to=folder / "image", interpreter=own)


def test_an_image_is_what_its_steps_make_and_made_again_when_a_file_changed(tmp_path: Path) -> None:
    done = tmp_path / "image" / "done"
    for app, times in (("x = 1\n", 1), ("x = 1\n", 1), ("x = 2\n", 2)):
        image = an_image(tmp_path, app)
        assert done.read_text(encoding="utf-8") == "said\n" * times
        assert (image.task / "app.py").read_text(encoding="utf-8") == app
    assert (image.task / "made").is_file()
    assert (image.handler, image.environment["OTHER"]) == ("app.handler", "2")
    assert image.packages.is_dir()
