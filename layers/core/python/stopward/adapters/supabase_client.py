"""The client of a project's database: supabase-py's part for it alone, or that of the whole.

Both are the same class and ask the same; `tests/adapters/test_supabase_client.py` holds them to it.
"""

from collections.abc import Callable
from typing import TypeAlias

import httpx
from postgrest import SyncPostgrestClient

from stopward.adapters.supabase_url import Project

SCHEMA = "api"
MakeClient: TypeAlias = Callable[[Project, httpx.Client], SyncPostgrestClient]
"""Makes a client for the schema over an HTTP client, which stays its owner's to close."""


def database_client(project: Project, http: httpx.Client) -> SyncPostgrestClient:
    """Return supabase-py's part for the database, and load no other: for whoever starts often."""
    return SyncPostgrestClient(
        f"{project.url}/rest/v1",
        schema=SCHEMA,
        headers=project.headers(),
        http_client=http,
        retry_enabled=False,
    )


def whole_client(project: Project, http: httpx.Client) -> SyncPostgrestClient:
    """Return what supabase-py's own front door hands out for the schema.

    It loads sign-in, files and channels too: for work of the night, which nobody waits for, and
    which hears first of what supabase-py changes.
    """
    from supabase import ClientOptions, create_client

    options = ClientOptions(
        schema=SCHEMA,
        httpx_client=http,
        auto_refresh_token=False,
        persist_session=False,
        postgrest_client_retry=False,
    )
    client = create_client(project.url, project.key, options=options).schema(SCHEMA)
    if "Authorization" not in project.headers():
        # supabase-py repeats any key as a bearer token; Project.headers says why that is wrong.
        client.headers.pop("Authorization", None)
    return client
