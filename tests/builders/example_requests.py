"""What the example of docs/examples asks the gateway, as the statements that the gateway makes."""

from collections.abc import Iterator
from typing import Any, Final

import httpx
from psycopg import sql
from supabase.lib.client_options import SyncClientOptions

from stopward.local.gateway.compose import rows_of, total_of
from stopward.local.gateway.reading import parameters_of, place_of, read_view_question
from supabase import create_client
from tests.docs.pages import ROOT

EXAMPLE: Final = ROOT / "docs" / "examples" / "query_views.py"
IMPORT: Final = "from supabase import create_client\n"
MAX_ROWS: Final = 1000

Statement = tuple[sql.Composed, tuple[object, ...]]


def example_statements(account_id: str) -> dict[str, Statement]:
    """Return the statements by name; the script runs with the real client, and no server."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        is_one = "object" in request.headers.get("accept", "")
        row = {"mode": "guard", "open_alarms": 0}
        return httpx.Response(
            200, json=row if is_one else [], headers={"content-range": "*/0"}, request=request
        )

    def client(*_: str) -> Any:
        http = httpx.Client(transport=httpx.MockTransport(answer))
        return create_client(
            "http://127.0.0.1", "sb_secret_x", options=SyncClientOptions(httpx_client=http)
        )

    source = EXAMPLE.read_text(encoding="utf-8")
    if IMPORT not in source:
        raise ValueError(f"{EXAMPLE.name} does not begin as expected")
    code = source.replace(IMPORT, "").replace("os.environ", "environ")
    given = {
        "create_client": client,
        "environ": {"SUPABASE_URL": "", "SUPABASE_SECRET_KEY": ""},
        "print": lambda _: None,
    }
    exec(compile(code, EXAMPLE.name, "exec"), given)  # noqa: S102 - our own page
    return dict(_statements(asked, account_id))


def _statements(asked: list[httpx.Request], account_id: str) -> Iterator[tuple[str, Statement]]:
    for request in asked:
        target = request.url.raw_path.decode()
        if "eq.local" not in target:
            raise ValueError(f"no account to put into {target}")
        target = target.replace("eq.local", f"eq.{account_id}")
        view = place_of(target).view or ""
        question = read_view_question(view, parameters_of(target), range_header=None)
        limit = min(question.limit or MAX_ROWS, MAX_ROWS)
        yield f"{view} rows", rows_of(question, schema="api", limit=limit)
        if "count=" in request.headers.get("prefer", ""):
            yield f"{view} total", total_of(question, schema="api")
