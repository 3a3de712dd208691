"""The core layer as its makefile builds it: the sources, each byte of them, and their bytecode."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stopward.local.host.intrinsics import load_yaml
from tests.deploy.building import BUILT_LAYERS, copy_source, make_layer
from tests.deploy.bytecode import altered, not_compiled
from tests.deploy.interpreter import Interpreter, find_interpreter
from tests.docs.pages import ROOT

NAMES = ("stopward/errors.py", "stopward/rules/types.py", "stopward/local/demo/words.txt")


@pytest.fixture(scope="module")
def interpreter() -> Interpreter:
    """The Python that runs the tests: whatever its version, the makefile is told it."""
    return find_interpreter("python2.0")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small package in place of ours, and what an older run left beside it."""
    (tmp_path / "root" / "layers").mkdir(parents=True)
    for folder in ("functions", "infra", "requirements"):
        (tmp_path / "root" / folder).mkdir()
    (tmp_path / "root" / "template.yaml").touch()
    core = tmp_path / "root" / "layers" / "core"
    for name in NAMES:
        (core / "python" / name).parent.mkdir(parents=True, exist_ok=True)
        (core / "python" / name).write_text(f"word = '{name}'\n", encoding="utf-8")
    makefile = ROOT / BUILT_LAYERS["CoreLayer"] / "Makefile"
    (core / "Makefile").write_bytes(makefile.read_bytes())
    copied = copy_source(tmp_path / "root", tmp_path / "source")
    left = copied / "layers" / "core" / "python" / "stopward" / "__pycache__"
    left.mkdir()
    (left / "errors.cpython-27.pyc").touch()
    return copied


@pytest.fixture
def built(source: Path, tmp_path: Path, interpreter: Interpreter) -> Path:
    """The layer's own part of /opt/python."""
    make_layer(source, "CoreLayer", to=tmp_path / "built", interpreter=interpreter)
    return tmp_path / "built" / "python" / "stopward"


def test_every_layer_of_the_template_has_its_makefile() -> None:
    document = load_yaml((ROOT / "template.yaml").read_text(encoding="utf-8"), name="template.yaml")
    layers = {
        name: (row["Properties"]["ContentUri"], row.get("Metadata", {}).get("BuildMethod"))
        for name, row in document["Resources"].items()
        if row["Type"] == "AWS::Serverless::LayerVersion"
    }
    assert layers == {name: (folder, "makefile") for name, folder in BUILT_LAYERS.items()}
    for name, folder in BUILT_LAYERS.items():
        assert f"\nbuild-{name}:" in (ROOT / folder / "Makefile").read_text(encoding="utf-8")


def test_what_is_built_is_the_source_with_its_bytecode(
    source: Path, built: Path, interpreter: Interpreter
) -> None:
    assert list(altered(source / "layers/core/python/stopward", built)) == []
    assert list(not_compiled(built, version=interpreter.version)) == []
    (pyc,) = built.glob("__pycache__/*")
    assert pyc.name == f"errors.cpython-{interpreter.version.replace('.', '')}.pyc"


def test_bytecode_says_where_lambda_finds_its_source(built: Path, interpreter: Interpreter) -> None:
    (pyc,) = built.glob("rules/__pycache__/types.*.pyc")
    assert b"/opt/python/stopward/rules/types.py" in pyc.read_bytes()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda at: (at / "errors.py").unlink(), ["errors.py is not in what was built"]),
        (lambda at: (at / "new.py").touch(), ["new.py is in what was built, and no source"]),
        (
            lambda at: (at / "local/demo/words.txt").write_bytes(b"x"),
            ["local/demo/words.txt is another than its source"],
        ),
    ],
)
def test_a_file_that_is_another_is_told(
    source: Path, built: Path, spoil: Callable[[Path], object], says: list[str]
) -> None:
    spoil(built)
    assert list(altered(source / "layers/core/python/stopward", built)) == says


def _older(at: Path) -> None:
    (at / "errors.py").write_text("word = 'newer'\n", encoding="utf-8")


def _timed(at: Path) -> None:
    (pyc,) = at.glob("__pycache__/errors*")
    pyc.write_bytes(pyc.read_bytes()[:4] + bytes(4) + pyc.read_bytes()[8:])


def _gone(at: Path) -> None:
    (pyc,) = at.glob("__pycache__/errors*")
    pyc.unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_older, "of another source"),
        (_timed, "compared with its source's time"),
        (_gone, "no byte"),
    ],
)
def test_bytecode_that_does_not_serve_is_told(
    built: Path, interpreter: Interpreter, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(built)
    (told,) = not_compiled(built, version=interpreter.version)
    assert told.startswith("errors.py has ")
    assert says in told


def test_another_python_than_lambdas_adds_no_bytecode(
    source: Path, tmp_path: Path, interpreter: Interpreter
) -> None:
    done = subprocess.run(
        ["make", "-C", source / "layers/core", "build-CoreLayer", "VERSION=2.0",
         f"ARTIFACTS_DIR={tmp_path / 'other'}", f"PYTHON={interpreter.path}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "no bytecode" in done.stderr
    assert list((tmp_path / "other").rglob("*.pyc")) == []
