"""The app: every route of the service in one list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

if TYPE_CHECKING:
    from ingest.api.context import Context


def create_app(context: Context) -> FastAPI:
    """The service's HTTP application over what the context gives."""
    app = FastAPI(title="Ortoo", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.context = context
    return app
