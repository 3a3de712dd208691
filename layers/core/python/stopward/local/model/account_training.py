"""What `stopward model train` does with an account: the job of the night, at once and by hand."""

from collections.abc import Callable, Sequence
from typing import Any

from stopward.adapters.archive_location import archive_at
from stopward.adapters.clocks import SystemClock
from stopward.adapters.functions import Functions
from stopward.adapters.training import FunctionTraining
from stopward.domain.features import names, schema_hash
from stopward.errors import DatabaseRejected, InvalidInput
from stopward.local.account_target import Target
from stopward.local.exit_code import ExitCode
from stopward.local.model.training import CODES, Told, judged_text
from stopward.local.screen.words import counted
from stopward.services.model_files import ModelFiles
from stopward.services.training_job import LOST, TrainingJob, TrainingSummary
from stopward.training.stored import StoredTrainer

ROLES = {
    "champion": "champion: it is asked, and decides nothing until the ladder raises it",
    "challenger": "challenger: it waits beside the champion, is not asked, and decides nothing",
    None: "without a role: champion and challenger can still be asked, and stay",
}


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
    """Ask for training of an account, do it, and tell what was registered.

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
    document: dict[str, Any] = {
        "verdict": training.verdict,
        "model_id": concluded.model_id,
        "role": concluded.role,
        "numbers": dict(training.numbers),
        **({"says": training.says} if training.says else {}),
        **({} if training.model is None else {"manifest": dict(training.model.manifest)}),
        **({} if summary.location is None else {"location": summary.location}),
    }
    if training.model is None or summary.location is None:
        text = f"{training.verdict}\n  {training.says}\n"
    else:
        text = judged_text(training.model.manifest, summary.location)
        role = ROLES[concluded.role] if training.verdict == "published" else "refused: not asked"
        text += f"  registered as {concluded.model_id}, {role}\n"
    return Told(
        text=text + _left_out(summary),
        document=document,
        code=CODES.get(training.verdict, ExitCode.OK),
    )


def _left_out(summary: TrainingSummary) -> str:
    """Return what was read and what could not be learned from, so that nobody wonders."""
    read = f"  read {counted(summary.trades, 'trade')}, {summary.rebuilt} with a rebuilt vector"
    left = (
        (
            summary.without,
            "without a vector of these features: `check_features` makes them each evening",
        ),
        (summary.imported, "imported: they have no vectors"),
    )
    lines = [read, *(f"  left out {count} {words}" for count, words in left if count)]
    return "\n".join(lines) + "\n"
