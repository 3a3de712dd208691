"""Clients of AWS: those that boto3 hands out, of the part of it that makes them, botocore.

boto3's own resources and transfers are not used here, and each cold start would load them (ADR 36).
`tests/adapters/test_aws_client.py` holds both to ask the same. Import this where a client is made.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session, get_session

SERVICES: Final = ("s3", "secretsmanager", "sns", "sqs")
MODELS: Final = Path(__file__).with_name("aws_models")
"""botocore's endpoints.json with SERVICES alone: to read the whole takes longer than all else here.
`python -m tests.repo.aws_endpoints` writes it.
"""


def aws_client(service: str, *, region: str | None = None, config: Config | None = None) -> Any:
    """Return a client of one of SERVICES. region: None leaves it to the environment.

    Raises botocore's UnknownServiceError for another one, NoRegionError where none is named.
    """
    return _session().create_client(service, region_name=region, config=config)


class Models(Loader):  # type: ignore[misc]
    """What botocore knows of SERVICES, found without looking through the folders of all others."""

    def list_available_services(self, type_name: str) -> Sequence[str]:
        """Return SERVICES; of each type, for who asks for one that is not there is told so."""
        return SERVICES

    def is_builtin_path(self, path: str) -> bool:
        """Return whether it is botocore's own; what MODELS has is, and its rules stay in force."""
        return Path(path).parent == MODELS or bool(super().is_builtin_path(path))


@cache
def _session() -> Session:
    # One for all clients, as boto3 has it: half of what a client takes is its session.
    session = get_session()
    session.register_component("data_loader", Models(extra_search_paths=[str(MODELS)]))
    return session
