"""Write what botocore knows of the endpoints of the services that functions ask, and no others.

`python -m tests.repo.aws_endpoints`, after botocore was pinned anew.
"""

import json
import sys
from typing import Any

from botocore.loaders import Loader

from stopward.adapters.aws_client import MODELS, SERVICES

PATH = MODELS / "endpoints.json"


def endpoints() -> str:
    """Return the text of the file: botocore's document, a line for each partition."""
    whole: dict[str, Any] = Loader().load_data("endpoints")
    partitions = [
        json.dumps({**each, "services": {name: each["services"][name] for name in SERVICES}})
        for each in whole["partitions"]
    ]
    rest = json.dumps({name: value for name, value in whole.items() if name != "partitions"})
    return f'{rest[:-1]}, "partitions": [\n' + ",\n".join(partitions) + "\n]}\n"


def main() -> int:
    """Write the file."""
    PATH.write_text(endpoints(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
