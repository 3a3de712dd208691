"""Settings, read once from the environment (prefix STOPWARD_); each has a heading in the docs."""

from collections.abc import Mapping
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stopward.errors import InvalidInput

PREFIX = "STOPWARD_"
SHOWN = frozenset(
    {
        "account_id", "stage", "market_data_feed", "pulse_seconds", "lease_seconds",
        "tick_margin_seconds", "archive_bucket", "archive_folder", "journal_months",
        "model_refresh_seconds", "minute_days", "fleet",
    }
)  # fmt: skip
"""Fields whose value a message may repeat. No URL: it gets swapped with the key beside it. And no
name that is not known: it may be a misspelt secret's.
"""
PAPER_URL: Final = "https://paper-api.alpaca.markets"
DATA_URL: Final = "https://data.alpaca.markets"


class Settings(BaseModel):
    """What a deployed function, or one that local mode hosts, needs to know."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    account_id: str = Field(min_length=1, description="Our own id of the guarded account.")
    stage: Literal["dev", "paper", "live"] = Field(
        default="paper", description="What is at stake: real money only in live."
    )
    supabase_url: str = Field(
        default="",
        pattern=r"^(https?://.+)?$",
        description="URL of the Supabase project that holds all state.",
    )
    supabase_secret_key: str = Field(
        default="", repr=False, description="Secret key of that project (sb_secret_...)."
    )
    supabase_secret_arn: str = Field(
        default="", description="Secret that holds that key, instead of the key itself."
    )
    database_url: str = Field(
        default="", repr=False, description="URL of the Postgres that holds all state, instead."
    )
    database_secret_arn: str = Field(
        default="", description="Secret that holds the database URL, instead of the URL itself."
    )
    broker_url: str = Field(
        default=PAPER_URL,
        pattern=r"^https?://",
        description="Base URL of the broker's trading API; the default is the paper one.",
    )
    market_data_url: str = Field(
        default=DATA_URL,
        pattern=r"^https?://",
        description="Base URL of the broker's market data API.",
    )
    market_data_feed: Literal["iex", "sip"] = Field(
        default="iex", description="Which consolidation of quotes and bars to ask for."
    )
    broker_key_id: str = Field(default="", repr=False, description="Key id of the broker's API.")
    broker_secret_key: str = Field(
        default="", repr=False, description="Secret key of the broker's API."
    )
    broker_account_number: str = Field(
        default="", description="The broker's number of the account that those keys must open."
    )
    broker_secret_arn: str = Field(
        default="",
        description="Secret that holds both broker keys, and the number, instead of themselves.",
    )
    pulse_seconds: float = Field(
        default=20.0, ge=5.0, le=60.0, description="Seconds between two looks inside a minute."
    )
    lease_seconds: float = Field(
        default=15.0, ge=5.0, le=60.0, description="How long one pulse may hold the account."
    )
    tick_margin_seconds: float = Field(
        default=8.0,
        ge=0.5,
        le=30.0,
        description="Remaining time under which no further pulse is begun.",
    )
    archive_bucket: str = Field(
        default="",
        pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$",
        description="Bucket that months of the journal go to before they are dropped.",
    )
    archive_folder: str = Field(
        default="", description="Folder for the same, instead of a bucket: local mode."
    )
    journal_months: int = Field(
        default=24, ge=3, le=1200, description="Whole months of the journal kept before this one."
    )
    model_refresh_seconds: float = Field(
        default=60.0,
        ge=1.0,
        le=600.0,
        description="How long a model's role and weight are believed before they are read again.",
    )
    minute_days: int = Field(
        default=90,
        ge=30,
        le=36500,
        description="Days that minutes of a closed position stay, but those that teach.",
    )
    fleet: str = Field(
        default="",
        pattern=r"^([a-z][a-z0-9-]{1,15})?$",
        description="Stage whose fleet of accounts is guarded, instead of the one account.",
    )
    tick_queue_url: str = Field(
        default="", description="URL of the queue that the pulses of the fleet are sent to."
    )
    clock_url: str = Field(
        default="", description="Local mode only: where simulated time is served."
    )

    @model_validator(mode="after")
    def _has_one_database(self) -> Self:
        by_url = bool(self.database_url or self.database_secret_arn)
        by_key = bool(self.supabase_secret_key or self.supabase_secret_arn)
        if by_url and (self.supabase_url or by_key):
            raise ValueError("set a Supabase project or a database URL, not both")
        if not by_url and not (self.supabase_url and by_key):
            raise ValueError(
                "set STOPWARD_SUPABASE_URL with STOPWARD_SUPABASE_SECRET_ARN or "
                "STOPWARD_SUPABASE_SECRET_KEY, or else STOPWARD_DATABASE_SECRET_ARN or "
                "STOPWARD_DATABASE_URL"
            )
        return self

    @model_validator(mode="after")
    def _has_one_archive(self) -> Self:
        if self.archive_bucket and self.archive_folder:
            raise ValueError("set STOPWARD_ARCHIVE_BUCKET or STOPWARD_ARCHIVE_FOLDER, not both")
        return self

    def require_fleet(self) -> Self:
        """Return the settings; raises InvalidInput when no fleet is named."""
        if self.fleet:
            return self
        raise InvalidInput("set STOPWARD_FLEET to the stage whose accounts are guarded")

    def require_queue(self) -> Self:
        """Return the settings; raises InvalidInput when no fleet or no queue is named."""
        if self.tick_queue_url:
            return self.require_fleet()
        raise InvalidInput("set STOPWARD_TICK_QUEUE_URL to the queue of the fleet's pulses")

    def require_broker(self) -> Self:
        """Return the settings; raises InvalidInput when the broker's keys are missing."""
        if self.broker_secret_arn or (self.broker_key_id and self.broker_secret_key):
            return self
        raise InvalidInput(
            "set STOPWARD_BROKER_SECRET_ARN, or STOPWARD_BROKER_KEY_ID and "
            "STOPWARD_BROKER_SECRET_KEY"
        )


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings that the environment gives.

    Raises InvalidInput naming each variable and what is allowed, and what was read of those in
    SHOWN; an unknown STOPWARD_ variable is refused, for a misspelt setting would be a silent
    default.
    """
    values = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        # The error of pydantic holds every value that was read, and a traceback would print it.
        problems = _problems(error)
    raise InvalidInput("\n".join(problems))


def _problems(error: ValidationError) -> list[str]:
    problems = []
    for item in error.errors(include_url=False):
        field = "_".join(str(part) for part in item["loc"])
        was = f' was "{item["input"]}"' if field in SHOWN else ""
        name = f"{PREFIX}{field.upper()}{was}: " if field else ""
        problems.append(f"{name}{item['msg']}")
    return problems
