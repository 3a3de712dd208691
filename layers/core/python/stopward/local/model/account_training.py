"""What `stopward model train` does with an account: the job of the night, at once and by hand."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stopward.adapters.archive_location import archive_at
from stopward.adapters.clocks import SystemClock
from stopward.adapters.functions import Functions
from stopward.adapters.training import FunctionTraining
from stopward.domain.features import Kind, names, schema_hash
from stopward.domain.training import Lesson, Registered
from stopward.errors import DatabaseRejected, InvalidInput
from stopward.local.account_target import Target
from stopward.local.exit_code import ExitCode
from stopward.local.model.training import CODES, Told, judged_text
from stopward.local.screen.words import counted
from stopward.services.model_files import ModelFiles
from stopward.services.training_job import LOST, TrainingJob, TrainingSummary
from stopward.services.training_reading import subject
from stopward.training.stored import StoredTrainer

CHAMPIONS: Mapping[Kind, str] = {
    "entry": "champion: it is asked, and decides nothing until the ladder raises it",
    "open": "champion: it is asked, begins in shadow, and binds nothing: no rule goes by it yet",
}
ROLES = {
    "challenger": "challenger: it waits beside the champion, is not asked, and decides nothing",
    None: "without a role: champion and challenger can still be asked, and stay",
}

HEADS = {"open": "of open positions: "}
"""What a kind is told with; the entry model comes first and alone."""
PAST: Mapping[Kind, str] = {
    "entry": "imported, without a vector: `stopward model features` makes those that it can",
    "open": "imported: what they were while they were open is not known",
}
MAKERS: Mapping[Kind, str] = {
    "entry": "`check_features` makes them each evening",
    "open": "they are stored while a position is open, and never made later",
}
"""Where the vectors of a kind come from."""


def train_account(
    database: Functions,
    target: Target,
    *,
    to: str,
    holder: str,
    make_salt: Callable[[], str],
    registered: Sequence[str],
    allowed: Sequence[str],
    cost_r: float,
    progress: Callable[[], None],
) -> Told:
    """Ask for training of an account, do it, and tell what was registered of each kind.

    Raises InvalidInput where another run is at it, DatabaseRejected where one took it over.
    """
    job = TrainingJob(
        book=FunctionTraining(database),
        files=ModelFiles(archive_at(to)),
        trainer=StoredTrainer(registered=registered, allowed=allowed, cost_r=cost_r),
        clock=SystemClock(),
        account_id=target.account_id,
        names=names("entry"),
        schema_hash=schema_hash("entry"),
        make_salt=make_salt,
        further=(subject("open"),),
        progress=progress,
    )
    request = job.book.request(target.account_id)
    summary = job.run(at=target.now, holder=holder)
    if summary.claim is None:
        raise InvalidInput(
            f"{request} of {target.words} is another run's; allowed is one at a time: "
            "api.training_status says whose, and until when"
        )
    if summary.is_lost:
        raise DatabaseRejected(f"{request} of {target.words} was taken over", rule=LOST)
    return _told(summary)


def _told(summary: TrainingSummary) -> Told:
    training, concluded = summary.training, summary.concluded
    if training is None or concluded is None:
        raise ValueError("a run that claimed a training and did not lose it has ended it")
    entry = Lesson(kind="entry", training=training, location=summary.location)
    model = None
    if concluded.model_id is not None:
        model = Registered(kind="entry", model_id=concluded.model_id, role=concluded.role)
    told = [(entry, model), *((each, concluded.of(each.kind)) for each in summary.further)]
    codes = [CODES.get(lesson.training.verdict, ExitCode.OK) for lesson, _ in told]
    return Told(
        text="".join(_text(lesson, model) for lesson, model in told),
        document={
            **_document(entry, model),
            **{each.kind: _document(each, concluded.of(each.kind)) for each in summary.further},
        },
        code=next((code for code in codes if code != ExitCode.OK), ExitCode.OK),
    )


def _document(lesson: Lesson, model: Registered | None) -> dict[str, Any]:
    training = lesson.training
    return {
        "verdict": training.verdict,
        "model_id": None if model is None else model.model_id,
        "role": None if model is None else model.role,
        "numbers": dict(training.numbers),
        **({"says": training.says} if training.says else {}),
        **({} if training.model is None else {"manifest": dict(training.model.manifest)}),
        **({} if lesson.location is None else {"location": lesson.location}),
    }


def _text(lesson: Lesson, model: Registered | None) -> str:
    training = lesson.training
    text = HEADS.get(lesson.kind, "")
    if training.model is None or lesson.location is None or model is None:
        text += f"{training.verdict}\n  {training.says}\n"
    else:
        text += judged_text(training.model.manifest, lesson.location)
        role = "refused: not asked"
        if training.verdict == "published":
            role = CHAMPIONS[lesson.kind] if model.role == "champion" else ROLES[model.role]
        text += f"  registered as {model.model_id}, {role}\n"
    return text + _left_out(lesson)


def _left_out(lesson: Lesson) -> str:
    """Return what was read and what could not be learned from, so that nobody wonders."""
    numbers = lesson.training.numbers
    if "trades" not in numbers:
        return ""
    trades = counted(int(numbers["trades"] or 0), "trade")
    lines = [f"  read {trades}, {numbers['rebuilt']} with a rebuilt vector"]
    left = (
        ("without_vector", f"without a vector of these features: {MAKERS[lesson.kind]}"),
        ("imported", PAST[lesson.kind]),
    )
    lines += [f"  left out {numbers[name]} {words}" for name, words in left if numbers[name]]
    return "\n".join(lines) + "\n"
