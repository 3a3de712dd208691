"""Where built functions are called: one Postgres, one moto, a world for each, and their layout."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from stopward.local.host.intrinsics import Scope, load_yaml
from stopward.local.migrate import migrate, prepare_platform
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.gateway import url_of_login
from tests.deploy.aws_server import served
from tests.deploy.building import functions_of
from tests.deploy.emulator import Deployed
from tests.deploy.image import Image
from tests.deploy.packaging import Package
from tests.deploy.rights import Right, rights_of
from tests.deploy.trials.trial import Trial
from tests.deploy.world import Aws, Database, World, a_world

TEMPLATE_DATABASE = "deploy_template"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What worlds are made from."""

    server: EmbeddedPostgres
    aws: Aws

    def world_of(self, trial: Trial) -> AbstractContextManager[World]:
        """Return a new world for a function."""
        return a_world(
            trial.folder,
            server=self.server,
            template=TEMPLATE_DATABASE,
            aws=self.aws,
            simulator=trial.simulator(),
            stands_at=trial.stands_at,
        )


@contextmanager
def a_stage(folder: Path) -> Iterator[Stage]:
    """Start Postgres with a migrated database to copy, and moto; both end with the block."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # moto's: a line for each request
    server = EmbeddedPostgres(home=folder, durable=False)
    server.remove()  # what a check left that was killed
    try:
        with psycopg.connect(server.start(), autocommit=True) as owner:
            owner.execute(f"create database {TEMPLATE_DATABASE}".encode())
        url = server.url(TEMPLATE_DATABASE)
        prepare_platform(url)
        migrate(url)
        url_of_login(server, url)  # the gateway may log in from now on
        with served() as (url, ledger):
            yield Stage(server=server, aws=Aws(url=url, ledger=ledger))
    finally:
        server.remove()


def deployed_zip(
    template: Path, each: Package, world: World, database: Database | None
) -> Deployed:
    """Return a zipped function as a stack in this world has it; None: without its secrets."""
    parameters = world.parameters(database) if database else world.without_secrets()
    definition = functions_of(template, parameters)[each.name]
    return Deployed(
        name=definition.name,
        handler=definition.handler,
        task=each.task,
        paths=each.paths(),
        environment=definition.environment,
        timeout_seconds=definition.timeout_seconds,
        memory_mb=definition.memory_mb,
    )


def rights_of_zip(
    template: Path, folder: str, world: World, database: Database | None
) -> tuple[Right, ...]:
    """Return what its role allows in a stack that finds this world; None: without its secrets."""
    parameters = world.parameters(database) if database else world.without_secrets()
    return rights_of(template, folder, parameters)


def deployed_image(
    template: Path, each: Image, name: str, world: World, database: Database | None
) -> Deployed:
    """Return an image's function as a stack in this world has it; None: without its secrets."""
    parameters = world.parameters(database) if database else world.without_secrets()
    definition = functions_of(template, parameters, images=True)[name]
    return Deployed(
        name=definition.name,
        handler=each.handler,
        task=each.task,
        paths=(each.task, each.packages),
        environment={**each.environment, **definition.environment},
        timeout_seconds=definition.timeout_seconds,
        memory_mb=definition.memory_mb,
    )


def rights_of_shard(
    template: Path, folder: str, world: World, database: object
) -> tuple[Right, ...]:
    """Return what the role of the one function of infra/sweep.yaml allows, in any world."""
    return rights_of(template, folder, {})


def deployed_shard(template: Path, image: Image, world: World, database: object) -> Deployed:
    """Return the one function of infra/sweep.yaml, its image laid out as its Dockerfile says."""
    document = load_yaml(template.read_text(encoding="utf-8"), name=template.name)
    scope = Scope(document, parameters={}, attribute=lambda resource, name: f"{resource}.{name}")
    (row,) = (
        each["Properties"]
        for each in document["Resources"].values()
        if each["Type"] == "AWS::Lambda::Function"
    )
    variables: Mapping[str, object] = row.get("Environment", {}).get("Variables", {})
    return Deployed(
        name=scope.text(row["FunctionName"]),
        handler=image.handler,
        task=image.task,
        paths=(image.task, image.packages),
        environment={**image.environment, **{n: scope.text(v) for n, v in variables.items()}},
        timeout_seconds=int(scope.text(row["Timeout"])),
        memory_mb=int(scope.text(row["MemorySize"])),
    )
