"""What the commands about one account write, each answered with a sentence that says what is so."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from stopward.adapters.administration import Administration
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.rulebook import parse
from stopward.domain.rulebook.reading import SYMBOL, TAG
from stopward.domain.snapshot import Mode
from stopward.errors import DatabaseRejected, InvalidInput
from stopward.local.rules_command import enabled, overridden
from stopward.local.screen.words import counted

ACCOUNT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""As `template.yaml` allows it."""


STAGE: Final = re.compile(r"[a-z][a-z0-9-]{1,15}")
"""Likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An account as it is stored. rules_hash: None before any rules; sessions_ahead: days known.

    doubtful_days: days to come (YYYY-MM-DD) on whose sessions the calendars disagree.
    """

    account_id: AccountId
    name: str
    mode: Mode
    exchange: str
    halted: bool
    rules_hash: str | None
    sessions_ahead: int
    doubtful_days: Sequence[str]


def put_tag(
    administration: Administration, account_id: AccountId, *, symbol: str, tag: str, remove: bool
) -> str:
    """Tag a symbol or take a tag off. Raises InvalidInput for what can be neither."""
    if not SYMBOL.fullmatch(symbol):
        raise InvalidInput(
            f'symbol was "{symbol}"; write a symbol in capitals, such as AAPL or BRK.B'
        )
    if not TAG.fullmatch(tag):
        raise InvalidInput(f'tag was "{tag}"; allowed are 1 to 32 letters, digits, dots, _ and -')
    if remove:
        administration.untag_symbol(account_id, Symbol(symbol), tag)
        return f"{symbol}: tag {tag} taken off"
    administration.tag_symbol(account_id, Symbol(symbol), tag)
    return f"{symbol}: tagged {tag}"


def open_account(
    administration: Administration,
    account_id: AccountId,
    known: Standing | None,
    *,
    name: str,
    mode: Mode | None,
    exchange: str | None,
    equity: Decimal | None,
    confirm: Callable[[], None],
) -> str:
    """Open an account, or change the name and equity of an open one; its mode stays, and its
    exchange unless one is given.

    confirm: called before an account is opened in mode `guard`; it raises InvalidInput.
    """
    if not ACCOUNT_ID.fullmatch(account_id):
        raise InvalidInput(
            f'--account was "{account_id}"; allowed are 1 to 64 letters, digits, _ and -'
        )
    if known is not None and mode not in (None, known.mode):
        raise InvalidInput(
            f"account {account_id} is open in mode {known.mode}; its mode is changed with "
            f"`stopward account mode {mode}`"
        )
    wanted: Mode = known.mode if known is not None else (mode or "observe")
    if known is None and wanted == "guard":
        confirm()
    administration.open_account(
        account_id, name=name, mode=wanted, exchange=exchange, equity_prior_close=equity
    )
    done = "opened" if known is None else "was open, name and equity are as given now"
    return f"{done}; mode {wanted}: {_meaning(wanted)}"


def change_mode(
    administration: Administration, known: Standing, *, mode: Mode, confirm: Callable[[], None]
) -> str:
    """Change the mode of an open account; to `guard` only after `confirm`, which may raise."""
    if known.mode == mode:
        return f"mode {mode} already: {_meaning(mode)}"
    if mode == "guard":
        confirm()
    administration.open_account(known.account_id, name=known.name, mode=mode)
    return f"mode {mode} from the next tick on: {_meaning(mode)}"


def put_fleet(
    administration: Administration, account_id: AccountId, *, stage: str | None, leave: bool
) -> str:
    """Put an account into the fleet of a stage, or out of any. Raises InvalidInput for neither."""
    if leave == (stage is not None):
        raise InvalidInput("say the stage whose stack guards the account, or --leave")
    if stage is None:
        administration.put_fleet(account_id, None)
        return "in no fleet from the next minute on: no fleet's stack ticks it"
    if not STAGE.fullmatch(stage):
        raise InvalidInput(
            f'stage was "{stage}"; allowed are a lower-case letter, then 1 to 15 lower-case '
            "letters, digits and -"
        )
    if not ACCOUNT_ID.fullmatch(account_id):
        raise InvalidInput(
            f'account "{account_id}" cannot be in a fleet: its id is part of the name of a secret, '
            "where 1 to 64 letters, digits, _ and - are allowed"
        )
    administration.put_fleet(account_id, stage)
    return f"in the fleet of {stage} from the next minute on"


def put_rules(administration: Administration, account_id: AccountId, text: str, *, of: str) -> str:
    """Check a rules file and store it. Raises InvalidInput, before anything is sent, if invalid."""
    book = parse(text, source=of)
    is_new = store_rules(administration, account_id, text, rules_hash=book.hash)
    done = "is stored and" if is_new else "means what is stored already (only comments differ); it"
    return (
        f"{of} {done} holds from the next tick on; rules on: {enabled(book)}; "
        f"overrides: {overridden(book)}; hash: {book.hash[:12]}"
    )


def store_rules(
    administration: Administration, account_id: AccountId, text: str, *, rules_hash: str
) -> bool:
    """Put a text in force, or the one that is stored under its hash; return False for that one.

    The hash is of what a text means, so the stored one differs in comments and spacing only.
    """
    try:
        administration.put_rules(account_id, text, rules_hash=rules_hash)
    except DatabaseRejected as error:
        if error.rule != "settings_versions_append_only":
            raise
        administration.put_rules(account_id, None, rules_hash=rules_hash)
        return False
    return True


def lacking(standing: Standing) -> list[str]:
    """Return what an account still needs before it guards anything, in sentences."""
    found = []
    if standing.rules_hash is None:
        found.append("no rules are stored, so no position is opted in: `stopward rules put FILE`")
    if standing.sessions_ahead == 0:
        found.append("no session is known from today on, so no rule acts: `stopward sessions load`")
    if standing.doubtful_days:
        found.append(
            f"the calendars disagree on {', '.join(standing.doubtful_days)}, and the shorter "
            "session counts: look the day up, then `stopward sessions load --file FILE`"
        )
    if standing.halted:
        found.append("it is halted, so no rule acts: `stopward resume`")
    return found


def standing_words(standing: Standing) -> str:
    """Return an account in one line."""
    rules = standing.rules_hash[:12] if standing.rules_hash else "none"
    return (
        f'"{standing.name}", mode {standing.mode}: {_meaning(standing.mode)}; rules {rules}; '
        f"{counted(standing.sessions_ahead, 'session')} known from today on"
    )


def _meaning(mode: Mode) -> str:
    match mode:
        case "observe":
            return "everything is decided and recorded, nothing is sent"
        case "guard":
            return "orders are sent"
