"""The template reader: `template.yaml` to the functions that it declares."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stopward.errors import InvalidInput
from stopward.local.host.intrinsics import PSEUDO, Scope, load_yaml
from stopward.local.host.schedule import SCHEDULED_TIME, Schedule, parse_schedule

FUNCTION = "AWS::Serverless::Function"
LAYER = "AWS::Serverless::LayerVersion"
SCHEDULE = "ScheduleV2"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionDefinition:
    """One function, resolved.

    name: its FunctionName, else its logical id. code_folder: CodeUri, or where the Dockerfile of an
    image is. layer_folders: ContentUri of its layers, in order. environment: names and text, as
    Lambda would set them. is_image: a container image, which has what its Dockerfile says and no
    runtime and layers of the template; nothing here starts one.
    """

    logical_id: str
    name: str
    handler: str
    runtime: str
    code_folder: Path
    layer_folders: tuple[Path, ...]
    timeout_seconds: int
    memory_mb: int
    environment: Mapping[str, str]
    schedules: tuple[Schedule, ...]
    is_image: bool = False

    @property
    def title(self) -> str:
        """The function's short name for people: its folder's."""
        return self.code_folder.name

    @property
    def arn(self) -> str:
        """The function's ARN in the local stack."""
        return function_arn(self.name)


def function_arn(name: str) -> str:
    """Return the ARN that a function of that name has in the local stack."""
    return f"arn:aws:lambda:{PSEUDO['AWS::Region']}:{PSEUDO['AWS::AccountId']}:function:{name}"


def read_template(
    path: Path, *, parameters: Mapping[str, str] | None = None
) -> tuple[FunctionDefinition, ...]:
    """Return the template's functions, by name. A parameter without value or default is empty.

    Raises InvalidInput when the file is missing, is no template, or uses what is not known here.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"template {path} cannot be read: {error.strerror}") from error
    template = load_yaml(text, name=path.name)
    resources = _mapping(template.get("Resources", {}), "Resources")
    scope = Scope(template, parameters=parameters or {}, attribute=_attribute)
    shared = _mapping(template.get("Globals", {}).get("Function", {}), "Globals.Function")
    functions = [
        _function(
            logical_id, resource, shared=shared, resources=resources, scope=scope, root=path.parent
        )
        for logical_id, resource in resources.items()
        if _mapping(resource, logical_id).get("Type") == FUNCTION
        and ("Condition" not in resource or scope.holds(resource["Condition"]))
    ]
    if not functions:
        raise InvalidInput(f"{path.name} declares no {FUNCTION}")
    return tuple(sorted(functions, key=lambda function: function.name))


def _function(
    logical_id: str,
    resource: dict[str, Any],
    *,
    shared: dict[str, Any],
    resources: dict[str, Any],
    scope: Scope,
    root: Path,
) -> FunctionDefinition:
    own = _mapping(resource.get("Properties", {}), f"{logical_id}.Properties")
    is_image = own.get("PackageType") == "Image"
    # As SAM does it: a function's own layers come after those of all.
    layers = [*shared.get("Layers", []), *own.get("Layers", [])]
    properties = {**shared, **own, "Layers": layers}
    if is_image:
        properties |= _of_image(resource, logical_id)
    for needed in ("Handler", "CodeUri"):
        if needed not in properties:
            raise InvalidInput(f"{logical_id} has no {needed}")
    variables = {
        **shared.get("Environment", {}).get("Variables", {}),
        **own.get("Environment", {}).get("Variables", {}),
    }
    code_folder = root / scope.text(properties["CodeUri"])
    # Beside a built template there is no code of an image, and nothing is started from it here.
    if not (is_image or code_folder.is_dir()):
        raise InvalidInput(f"{logical_id}.CodeUri was {properties['CodeUri']!r}; no such folder")
    return FunctionDefinition(
        logical_id=logical_id,
        name=scope.text(properties.get("FunctionName", logical_id)),
        handler=scope.text(properties["Handler"]),
        runtime=scope.text(properties.get("Runtime", "")),
        code_folder=code_folder,
        layer_folders=_layers(properties["Layers"], resources=resources, scope=scope, root=root),
        timeout_seconds=int(scope.text(properties.get("Timeout", 3))),
        memory_mb=int(scope.text(properties.get("MemorySize", 128))),
        environment={name: scope.text(value) for name, value in variables.items()},
        schedules=tuple(
            _schedule(event.get("Properties", {}), scope=scope)
            for event in properties.get("Events", {}).values()
            if event.get("Type") == SCHEDULE
            and scope.text(event.get("Properties", {}).get("State", "ENABLED")) == "ENABLED"
        ),
        is_image=is_image,
    )


def _of_image(resource: dict[str, Any], logical_id: str) -> dict[str, Any]:
    """Return what stands for the code of an image, and nothing where it has none of its own."""
    dockerfile = _mapping(resource.get("Metadata", {}), f"{logical_id}.Metadata").get("Dockerfile")
    config = _mapping(resource["Properties"].get("ImageConfig", {}), f"{logical_id}.ImageConfig")
    command = config.get("Command") or [None]
    if not isinstance(dockerfile, str) or not isinstance(command[0], str):
        raise InvalidInput(
            f"{logical_id} is an image; it needs Metadata.Dockerfile and ImageConfig.Command"
        )
    folder, handler = dockerfile.rpartition("/")[0], command[0]
    return {"CodeUri": folder, "Handler": handler, "Runtime": "", "Layers": []}


def _schedule(properties: dict[str, Any], *, scope: Scope) -> Schedule:
    return parse_schedule(
        scope.text(properties.get("ScheduleExpression", "")),
        timezone=scope.text(properties.get("ScheduleExpressionTimezone", "UTC")),
        payload=scope.text(properties.get("Input", f'{{"time": "{SCHEDULED_TIME}"}}')),
    )


def _layers(
    references: list[Any], *, resources: dict[str, Any], scope: Scope, root: Path
) -> tuple[Path, ...]:
    folders = []
    for reference in references:
        match reference:
            case {"Ref": str(name)} if resources.get(name, {}).get("Type") == LAYER:
                folders.append(root / scope.text(resources[name]["Properties"]["ContentUri"]))
            case _:
                raise InvalidInput(
                    f"layer was {reference!r}; the local host knows layers of this template"
                )
    return tuple(folders)


def _attribute(resource: str, name: str) -> str:
    # Nothing is deployed here, so an attribute is its own readable name.
    return f"local:{resource}.{name}" if name else f"local-{resource.lower()}"


def _mapping(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(f"{place} was {value!r}; expected a mapping")
    return value
