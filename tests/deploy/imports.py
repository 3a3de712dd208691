"""What a function has loaded when it asks its first question, with what Lambda has and no more."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from stopward.local.host.template import FunctionDefinition
from tests.builders.http import Says, scripted
from tests.deploy.building import functions_of
from tests.deploy.first_question import event_of, parameters, until_question
from tests.deploy.trials.all_trials import IMAGES
from tests.docs.pages import ROOT

TELLER = Path(__file__).with_name("import_teller.py")
ITS_OWN = "requirements/runtime.txt"
"""What Lambda's own Python has."""
IN_IMAGES: Mapping[str, tuple[str, ...]] = {
    "replay_shard": ("requirements/shard.txt", ITS_OWN),
    "train_model": ("requirements/train_model.txt", ITS_OWN),
}
"""The files that pin what the image of a function has."""
OURS = "stopward"
SHARD = {"place": "s3://start/sweep", "first": 0, "last": 1, "result": "0.npy"}
LONGEST_SECONDS = 120
AWS = {
    "AWS_ACCESS_KEY_ID": "opens-nothing",
    "AWS_SECRET_ACCESS_KEY": "opens-nothing",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def loaded_by(folder: str) -> Mapping[str, str]:
    """Return the modules of a function that are not the standard library's, and who loads each.

    Raises RuntimeError with what it printed when it did not come to its first question.
    """

    def then() -> Says:
        process.send_signal(signal.SIGUSR1)
        return Says(silent=True)

    with scripted(until_question(then)) as script:
        template = functions_of(
            ROOT / "template.yaml", parameters(script.url), images=folder in IMAGES
        )
        is_shard = folder not in template
        own = {} if is_shard else template[folder].environment
        words = (
            json.dumps(SHARD if is_shard else event_of(folder)),
            json.dumps(sorted(hidden(IN_IMAGES.get(folder) or pins_of(template[folder])))),
        )
        process = subprocess.Popen(
            [sys.executable, "-P", TELLER, *words],
            cwd=ROOT / "functions" / folder,
            env={**AWS, "AWS_ENDPOINT_URL": script.url, "PATH": "/usr/bin:/bin", **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said, trouble = process.communicate(timeout=LONGEST_SECONDS)
    try:
        found: dict[str, str] = json.loads(said.splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise RuntimeError(f"{folder} came to no question:\n{said}\n{trouble}") from error
    return found


def pins_of(function: FunctionDefinition) -> tuple[str, ...]:
    """Return the files that pin what a function has in its layers, and in Lambda's own Python."""
    layers = (f"layers/{folder.name}/requirements.txt" for folder in function.layer_folders)
    return (*(name for name in layers if (ROOT / name).is_file()), ITS_OWN)


@cache
def hidden(pins: tuple[str, ...]) -> frozenset[str]:
    """Return top-level names that are installed here and not where these files are installed."""
    pinned = {
        _canonical(line.partition("==")[0])
        for name in pins
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
        if re.match(r"[A-Za-z0-9]", line)
    }
    return frozenset(
        name
        for name, distributions in packages_distributions().items()
        if name != OURS and pinned.isdisjoint(map(_canonical, distributions))
    )


def packages_of(modules: Iterable[str]) -> frozenset[str]:
    """Return what modules belong to: a top-level package, or a part of ours such as stopward.rules.

    Modules of one file beside our parts count as such: stopward.errors.
    """
    return frozenset(
        ".".join(name.split(".")[:2]) if name.startswith(f"{OURS}.") else name.partition(".")[0]
        for name in modules
    )


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower().partition("[")[0].strip()
