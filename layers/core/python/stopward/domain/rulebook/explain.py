"""A rulebook in plain sentences, with its real numbers."""

from collections.abc import Iterator
from typing import Final

from stopward.domain.rulebook.book import Override, Parameters, RuleBook
from stopward.domain.rulebook.exit_words import ExitParameters, exit_words
from stopward.domain.rulebook.settings import AccountSettings, LossStreak
from stopward.domain.rulebook.stop_words import stop_words
from stopward.domain.rulebook.wording import joined, minutes_words
from stopward.rules.indicators import Periods

HASH_SHOWN: Final = 12


def explain(book: RuleBook) -> str:
    """Return what the rules of an account do: whom they touch, the day, each rule, each override.

    Wording is for a long; a short is its mirror image. Ends with a line feed.
    """
    return "\n".join(_lines(book)) + "\n"


def rule_words(params: Parameters) -> str:
    """Return what one rule does, in one or two sentences."""
    if isinstance(params, ExitParameters):
        return exit_words(params)
    return stop_words(params)


def _lines(book: RuleBook) -> Iterator[str]:
    yield f"Rules of {book.source} (hash {book.hash[:HASH_SHOWN]})"
    yield ""
    yield "Whom we touch"
    yield from (f"  {line}" for line in _account(book.account))
    yield ""
    yield "The day"
    yield from _day(book)
    yield ""
    yield "Every position (told for a long; a short is its mirror image)"
    yield "  stop: The stop rests at the broker and is never loosened."
    rules = {
        name: params
        for name, params in book.base._asdict().items()
        if name not in ("day_loss", "day_profit")
    }
    yield from (f"  {name}: {rule_words(params)}" for name, params in rules.items() if params)
    off = [name for name, params in rules.items() if params is None]
    if off:
        yield f"  Off: {', '.join(off)}."
    for tag, override in book.tags.items():
        yield from _override(f'Positions tagged "{tag}" instead', override)
    for symbol, override in book.symbols.items():
        yield from _override(f"{symbol} instead", override)
    if book.periods != Periods():
        yield ""
        told = (f"{name} {value:.0f}" for name, value in book.periods._asdict().items())
        yield f"Indicators look back (bars): {', '.join(told)}."


def _account(account: AccountSettings) -> Iterator[str]:
    match account.adopt:
        case "all":
            yield "We guard every position of the account."
        case "none":
            yield "We guard nothing: every position is reported and left alone."
        case "listed":
            listed = f"{joined(account.allow)} and " if account.allow else ""
            yield f"We guard {listed}whatever carries a tag; the rest is reported and left alone."
    never = f"{joined(account.deny)} and " if account.deny else ""
    yield f'We never touch {never}whatever is tagged "{account.hands_off_tag}".'
    yield (
        "A position held overnight is closed by the session flat only when it is tagged"
        f' "{account.session_flat_tag}".'
    )
    yield (
        "A guarded position without a stop gets one"
        f" {account.missing_stop_atr:.10g} daily ATRs from its entry."
    )
    yield (
        f"A round trip costs {account.fees_per_share} dollars a share; quotes older than"
        f" {account.max_quote_age_seconds:.10g} seconds are not used."
    )


def _day(book: RuleBook) -> Iterator[str]:
    limits = book.limits
    if limits.day_loss is not None:
        yield f"  day_loss: {exit_words(limits.day_loss)}"
    if limits.day_profit is not None:
        yield f"  day_profit: {exit_words(limits.day_profit)}"
    if limits.loss_streak is not None:
        yield f"  loss_streak: {_loss_streak(limits.loss_streak)}"
    on = {
        "day_loss": limits.day_loss,
        "day_profit": limits.day_profit,
        "loss_streak": limits.loss_streak,
    }
    off = [name for name, params in on.items() if params is None]
    if off:
        yield f"  Off: {', '.join(off)}."


def _loss_streak(params: LossStreak) -> str:
    return (
        f"After {params.pause_after:.0f} losing trades in a row you are told to rest"
        f" {minutes_words(params.pause_minutes)}, after {params.stop_after:.0f} that the day is"
        " over; open positions stay guarded."
    )


def _override(title: str, override: Override) -> Iterator[str]:
    if not override:
        return
    yield ""
    yield title
    for name, params in override.items():
        yield f"  {name}: {'Off.' if params is None else rule_words(params)}"
