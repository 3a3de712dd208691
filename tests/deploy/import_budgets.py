"""What each function may have loaded when it asks its first question, and what that may cost.

A package that is not named here is one that somebody imported without need, or a reason to add it
with a line of what it is for. `modules` counts those that are not the standard library's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.deploy.imports import packages_of

PURPOSES: Mapping[str, frozenset[str]] = {
    "handler": frozenset({"aws_lambda_powertools", "jmespath", "typing_extensions"}),
    "settings": frozenset(
        {"stopward.settings", "pydantic", "pydantic_core", "annotated_types", "typing_inspection",
         "typing_extensions"}
    ),
    # Secrets, buckets and topics.
    "AWS": frozenset(
        {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3", "certifi"}
    ),
    # supabase-py's part for the database; its HTTP client loads what it needs to ask at once.
    "database": frozenset(
        {"postgrest", "deprecation", "packaging", "yarl", "multidict", "propcache", "httpx", "idna"}
    ),
    # The whole of supabase-py, for functions of the night: sign-in, files and channels come along.
    "whole": frozenset(
        {"supabase", "supabase_auth", "supabase_functions", "storage3", "realtime", "websockets",
         "jwt", "cryptography", "_cffi_backend"}
    ),
    "question": frozenset({"httpcore", "h11", "anyio", "certifi"}),
    "broker": frozenset({"urllib3"}),
    "walks": frozenset({"llvmlite", "numpy", "pyarrow"}),
    "wiring": frozenset(
        {"stopward", "stopward.bootstrap", "stopward.entry", "stopward.errors", "stopward.ports",
         "stopward.start", "stopward.adapters", "stopward.domain", "stopward.rules"}
    ),
    "services": frozenset({"stopward.services"}),
    "replay": frozenset({"stopward.replay"}),
    # scikit-learn with what it stands on, and the way from a fitted learner to a graph.
    "learns": frozenset(
        {"numpy", "scipy", "sklearn", "joblib", "cloudpickle", "narwhals", "threadpoolctl",
         "skl2onnx", "onnx", "onnxruntime", "google", "ml_dtypes", "stopward.training"}
    ),
    "models": frozenset({"numpy", "onnxruntime"}),
}  # fmt: skip
ASKS_DATABASE = ("handler", "settings", "AWS", "database", "question", "wiring", "services")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One function's. times: of a bare handler's start on a processor, at most, None if untimed.

    It is judged by the benchmark alone, where both start in turns; no test hangs on a clock.
    """

    purposes: tuple[str, ...]
    modules: int
    times: float | None

    @property
    def packages(self) -> frozenset[str]:
        """All that may be loaded."""
        return frozenset[str]().union(*(PURPOSES[purpose] for purpose in self.purposes))


BUDGETS: Mapping[str, Budget] = {
    "monitor_positions": Budget(purposes=(*ASKS_DATABASE, "broker"), modules=490, times=20),
    "check_breakeven": Budget(purposes=(*ASKS_DATABASE, "broker"), modules=490, times=20),
    "dispatch_ticks": Budget(purposes=ASKS_DATABASE, modules=420, times=20),
    "tick_accounts": Budget(purposes=(*ASKS_DATABASE, "broker"), modules=540, times=20),
    "deliver_outbox": Budget(purposes=ASKS_DATABASE, modules=410, times=20),
    "keep_journal": Budget(purposes=(*ASKS_DATABASE, "whole"), modules=580, times=None),
    "attribute_exits": Budget(purposes=(*ASKS_DATABASE, "whole"), modules=630, times=None),
    "predict": Budget(purposes=(*ASKS_DATABASE, "models"), modules=560, times=None),
    "score_positions": Budget(
        purposes=(*ASKS_DATABASE, "models", "broker"), modules=600, times=None
    ),
    "check_features": Budget(purposes=(*ASKS_DATABASE, "whole"), modules=610, times=None),
    "track_models": Budget(purposes=(*ASKS_DATABASE, "whole"), modules=600, times=None),
    # Its first question goes to the broker.
    "refresh_sessions": Budget(
        purposes=("handler", "settings", "AWS", "database", "broker", "wiring", "services"),
        modules=380,
        times=None,
    ),
    "train_model": Budget(purposes=(*ASKS_DATABASE, "whole", "learns"), modules=2000, times=None),
    "replay_shard": Budget(
        purposes=("handler", "AWS", "walks", "wiring", "replay"),
        modules=490,
        times=None,
    ),
}


def over(budget: Budget, loaded: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for what is loaded beyond a budget, or named in it and not loaded.

    loaded: modules, and who imports each.
    """
    found = packages_of(loaded)
    for name in sorted(found - budget.packages):
        # The package itself is loaded before its parts, so its importer is the one to ask.
        first = min(module for module in loaded if packages_of([module]) == {name})
        yield f"{name} is not in the budget; {loaded[first]} imports {first}"
    for name in sorted(budget.packages - found):
        yield f"{name} is in the budget and not loaded: take it out"
    if len(loaded) > budget.modules:
        yield f"{len(loaded)} modules are loaded, the budget is {budget.modules}"
