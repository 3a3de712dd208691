"""What functions that run for every account of a fleet find: its accounts, each with work to do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from stopward.adapters.archive_folder import FolderArchive
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.market import ClosedBar
from stopward.local.simulator import KEY, SECRET, Simulator
from stopward.services.model_files import ModelFiles
from tests.builders.attribution import night, timed_out
from tests.builders.lambda_function import a_context, load_app
from tests.builders.models import ModelWorld, champion, speak
from tests.builders.open_positions import ENTERED
from tests.builders.opened_models import onnx_model
from tests.builders.past_features import FRIDAY, INDEX, days, minutes, traded
from tests.builders.scoring import registered
from tests.builders.simulated_trades import some_trades
from tests.builders.store import A_SESSION, NOON, a_position, pulse
from tests.builders.training import BEGAN, store_journal

AAPL = Symbol("AAPL")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
MODEL = onnx_model("open")
STAGES = count(1)
WALKED = {each: minutes(each) for each in (AAPL, INDEX)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One of those functions.

    wired: its name for what holds the book. work, done: of its counts, the name, and what counts
    the one thing that `prepare` leaves an account to be done. unanswered: what it logs when it
    fails. looks: how often the time left is asked for until one account is done. every: from a run
    to the next.
    """

    folder: str
    wired: str
    work: str
    done: str
    failures: str
    line: str
    unanswered: str
    prepare: Callable[[ModelWorld], object]
    at: datetime
    every: timedelta = DAY
    looks: int = 1
    bars: Mapping[Symbol, Sequence[ClosedBar]] | None = None


def _spoken(world: ModelWorld) -> None:
    champion(world)
    speak(world, [("AAPL", 0.8, 2.0, "0")])


def _due(world: ModelWorld) -> None:
    store_journal(world, some_trades(20, features=2))
    world.call("request_training")


def _open(world: ModelWorld) -> None:
    world.open("AAPL", opened_at=ENTERED, adopted_at=ENTERED)
    registered(world, MODEL)


NIGHTS = (
    Night(
        folder="attribute_exits", wired="attribution", work="attribution",
        done="attribution_known", failures="attribution_failures", line="exits_attributed",
        unanswered="exits_not_attributed", prepare=timed_out,
        at=A_SESSION.closes_at + timedelta(minutes=90), looks=2,
        bars=night(a_position("AAPL", opened_at=pulse(12) - 2 * MINUTE)).known,
    ),
    Night(
        folder="check_features", wired="check", work="features", done="features_written",
        failures="features_failures", line="features_checked", unanswered="features_not_checked",
        prepare=traded, at=A_SESSION.closes_at + timedelta(minutes=150), looks=3, bars=WALKED,
    ),
    Night(
        folder="track_models", wired="tracker", work="tracking", done="models_tracked",
        failures="tracking_failures", line="models_judged", unanswered="models_not_tracked",
        prepare=_spoken, at=A_SESSION.closes_at + timedelta(minutes=170), looks=4,
    ),
    Night(
        folder="train_model", wired="job", work="training", done="trainings",
        failures="trainings_failed", line="training_ended", unanswered="training_broke_off",
        prepare=_due, at=BEGAN,
    ),
    Night(
        folder="score_positions", wired="positions", work="position_scoring",
        done="positions_scored", failures="position_scoring_failures", line="positions_scored",
        unanswered="positions_not_scored", prepare=_open, at=NOON, every=MINUTE, bars=WALKED,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetAtNight:
    """A function of the night over a fleet, in the order of its roster; broker: whose bars."""

    night: Night
    stage: str
    worlds: tuple[ModelWorld, ...]
    broker: Simulator

    @property
    def ids(self) -> list[AccountId]:
        """The accounts, as the roster has them."""
        return [each.account_id for each in self.worlds]

    def run(self, number: int = 0, *, accounts: int | None = None) -> dict[str, int]:
        """Return the counts of a run. number: of the run; accounts: how many there is time for."""
        event = {"time": (self.night.at + number * self.night.every).isoformat()}
        looks = None if accounts is None else accounts * self.night.looks
        with started(self.night) as app:
            counts: dict[str, int] = app.handler(event, _context(self.night.folder, looks))
        return counts

    def counted(self, counts: Mapping[str, int]) -> tuple[int, int, int, int]:
        """Return of the counts: what was done, what failed, accounts done and left."""
        work = self.night.work
        done, failed = counts[self.night.done], counts[self.night.failures]
        return done, failed, counts[f"{work}_accounts_done"], counts[f"{work}_accounts_left"]


@contextmanager
def started(night: Night) -> Iterator[ModuleType]:
    """Yield a function as after a cold start; at the end its connections close."""
    app = load_app(night.folder)
    try:
        yield app
    finally:
        wired = getattr(app, night.wired)
        wired.book._functions.close()
        if getattr(wired, "scoring", None) is not None:
            wired.scoring.book._functions.close()


@contextmanager
def a_fleet_at_night(
    night: Night, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, size: int = 3
) -> Iterator[FleetAtNight]:
    """Yield a fleet of its own stage in the database at a URL, each account with work to do."""
    stage = f"night-{next(STAGES)}"
    ModelFiles(FolderArchive(folder)).put(MODEL)
    broker = Simulator(
        bars=night.bars or {},
        daily_bars={AAPL: days(AAPL)},
        sessions=[FRIDAY, A_SESSION],
        start=A_SESSION.closes_at + timedelta(minutes=150),
        cash=Decimal(1000),
    )
    with ExitStack() as stack:
        worlds = [ModelWorld(url) for _ in range(size)]
        for world in worlds:
            stack.callback(world.close)
            if night.folder in {"check_features", "score_positions"}:
                world.people.put_sessions([FRIDAY])
            night.prepare(world)
            world.people.put_fleet(world.account_id, stage)
        settings: dict[str, Any] = {
            "STOPWARD_ACCOUNT_ID": "nobody",
            "STOPWARD_FLEET": stage,
            "STOPWARD_DATABASE_URL": url,
            "STOPWARD_ARCHIVE_FOLDER": str(folder),
            "STOPWARD_BROKER_URL": "http://127.0.0.1:9",
            "STOPWARD_MARKET_DATA_URL": stack.enter_context(broker.serve()),
            "STOPWARD_BROKER_KEY_ID": KEY,
            "STOPWARD_BROKER_SECRET_KEY": SECRET,
            "POWERTOOLS_SERVICE_NAME": "stopward",
            "POWERTOOLS_METRICS_NAMESPACE": "Stopward",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        ranked = sorted(worlds, key=lambda each: each.account_id)
        yield FleetAtNight(night=night, stage=stage, worlds=tuple(ranked), broker=broker)


def _context(folder: str, looks: int | None) -> SimpleNamespace:
    """Return what Lambda gives a handler. looks: at the time left, before there is none."""
    context = a_context(folder)
    if looks is not None:
        left = iter([900_000] * looks)
        context.get_remaining_time_in_millis = lambda: next(left, 0)
    return context
