"""The environment of a function process: what Lambda would set, and nothing of the shell's."""

import os
from collections.abc import Mapping

from stopward.local.host.intrinsics import PSEUDO
from stopward.local.host.template import FunctionDefinition

INHERITED = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What an interpreter may need to start at all; the only names taken from our own environment."""


def function_environment(
    function: FunctionDefinition, *, runtime_api: str, overrides: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of a function's process.

    Later wins: Lambda's own names, the template's, then local overrides. There are no AWS
    credentials in it, and no trace is sent.
    """
    region = PSEUDO["AWS::Region"]
    python_path = [function.code_folder, *(folder / "python" for folder in function.layer_folders)]
    lambda_own = {
        "_HANDLER": function.handler,
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "LAMBDA_TASK_ROOT": str(function.code_folder.resolve()),
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "POWERTOOLS_SERVICE_NAME": "stopward",
        "POWERTOOLS_METRICS_NAMESPACE": "Stopward",
        "POWERTOOLS_TRACE_DISABLED": "1",
        "PYTHONPATH": os.pathsep.join(str(folder.resolve()) for folder in python_path),
        "PYTHONUNBUFFERED": "1",
        "TZ": ":UTC",
    }
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**inherited, **lambda_own, **function.environment, **overrides}
