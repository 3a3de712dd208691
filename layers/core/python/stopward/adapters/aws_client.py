"""Clients of AWS, all of one session: half of what a client takes is its session.

Import this where a client is made: boto3 takes a tenth of a second to load.
"""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config


def aws_client(service: str, *, region: str | None = None, config: Config | None = None) -> Any:
    """Return a client of a service. region: None leaves it to the environment.

    Raises botocore's UnknownServiceError for a service that AWS has not, NoRegionError where no
    region is named.
    """
    return _session().client(service, region_name=region, config=config)


@cache
def _session() -> Any:
    return boto3.Session()
