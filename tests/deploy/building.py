"""Build the stack as who deploys it does, from a clean copy, so that nothing else gets into it.

Where no Python of the template's version works, `sam build` refuses; then the same steps are done
without it, for the Python that there is.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from stopward.local.host.template import FunctionDefinition, read_template
from tests.deploy.command import insist
from tests.deploy.interpreter import Interpreter

COPIED = ("template.yaml", "functions", "layers", "infra", "requirements")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", "*.pyc", ".aws-sam")
BUILT_LAYERS: Mapping[str, str] = {
    "CoreLayer": "layers/core",
    "DependencyLayer": "layers/deps",
    "OnnxLayer": "layers/onnx",
}
"""Layers that their makefile builds, by their name in the template."""


def copy_source(root: Path, to: Path) -> Path:
    """Copy what a build reads, without what earlier runs left beside it; return the folder."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    for name in COPIED:
        if (root / name).is_dir():
            shutil.copytree(root / name, to / name, ignore=LEFT_OUT)
        else:
            shutil.copy2(root / name, to / name)
    return to


def pin_for(interpreter: Interpreter, source: Path) -> None:
    """Give the copy pins that this Python can install, where it is not the template's.

    Those of `make replay` and `make train` are for every Python that Stopward runs on.
    """
    if interpreter.is_the_templates:
        return
    pins, own = source / "requirements", source / "layers" / "onnx" / "requirements.txt"
    shutil.copy2(pins / "replay.txt", pins / "shard.txt")
    shutil.copy2(pins / "train.txt", pins / "train_model.txt")
    wanted = set(re.findall(r"^([\w-]+)==", own.read_text(encoding="utf-8"), re.MULTILINE))
    blocks = re.split(r"\n(?=[\w-]+==)", (pins / "train.txt").read_text(encoding="utf-8"))
    kept = [block for block in blocks if block.partition("==")[0] in wanted]
    own.write_text("\n".join(kept) + "\n", encoding="utf-8")


def build(source: Path, *, interpreter: Interpreter, tools: Path) -> Path:
    """Build what template.yaml names and return the built template. SystemExit when it fails."""
    to = source / ".aws-sam" / "build"
    if interpreter.is_the_templates:
        search = f"{interpreter.path.parent}:{tools}:/usr/local/bin:/usr/bin:/bin"
        insist([tools / "sam", "build", "--build-dir", to], at=source, given={"PATH": search})
    else:
        _build_by_hand(source, to, interpreter=interpreter)
    return to / "template.yaml"


def _build_by_hand(source: Path, to: Path, *, interpreter: Interpreter) -> None:
    to.mkdir(parents=True)
    shutil.copy2(source / "template.yaml", to)
    shutil.copytree(source / "functions", to / "functions")
    for name, folder in BUILT_LAYERS.items():
        make_layer(source, name, to=to / folder, interpreter=interpreter)


def make_layer(source: Path, name: str, *, to: Path, interpreter: Interpreter) -> None:
    """Do the step of a layer's makefile, as `sam build` does, for the Python that there is."""
    insist(
        [
            "make", "-C", source / BUILT_LAYERS[name], f"build-{name}",
            f"ARTIFACTS_DIR={to}",
            f"PYTHON={interpreter.path}",
            f"VERSION={interpreter.version}",
        ],
        at=source,
    )  # fmt: skip


def install_runtime(source: Path, to: Path, *, interpreter: Interpreter) -> Path:
    """Install what Lambda's own Python has beside the standard library; again for other pins."""
    pins = source / "requirements" / "runtime.txt"
    marker = to / "pins.txt"
    wanted = f"{interpreter.version}\n{pins.read_text(encoding='utf-8')}"
    if not marker.exists() or marker.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(to, ignore_errors=True)
        pip = (interpreter.path, "-m", "pip", "--disable-pip-version-check", "--no-input")
        insist(
            [*pip, "install", "--no-deps", "--require-hashes", "--only-binary=:all:",
             "--target", to, "-r", pins],
            at=source,
        )  # fmt: skip
        marker.write_text(wanted, encoding="utf-8")
    return to


AN_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/stopward:check"
"""What stands for the image that somebody pushed."""


def functions_of(
    template: Path, parameters: dict[str, str] | None = None, *, images: bool = False
) -> dict[str, FunctionDefinition]:
    """Return the functions of a template by their folder's name, built or not.

    Of both kinds of stack: as one that guards an account has them, and from one that guards a fleet
    what only that has. images: those that are container images, else those that are zipped.
    """
    return {
        function.name.rpartition("-")[2]: function
        for accounts in ("fleet", "one")
        for function in read_template(
            template,
            parameters={"TrainingImageUri": AN_IMAGE, **(parameters or {}), "Accounts": accounts},
        )
        if function.is_image == images
    }


def runtime_of(root: Path) -> str:
    """Return the one runtime of all functions that are zipped; SystemExit when there are more."""
    found = {each.runtime for each in read_template(root / "template.yaml")}
    if len(found) != 1:
        raise SystemExit(f"template.yaml has the runtimes {sorted(found)}; one is checked")
    return found.pop()
