"""OpenAPI 3.1 of the whole API, made from the routes, with what FastAPI can't know: problems and ways to log in."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from ringfence import __version__
from ringfence.app.problems import Problem

__all__ = ["document", "document_text"]


def document(app: FastAPI) -> dict[str, Any]:
    """Return the document; it is made once for an app."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="Ringfence",
            version=__version__,
            openapi_version="3.1.0",
            summary="Every connected device, what it does, and what is risky about it.",
            description="Unknown is null. Times are RFC 3339, UTC. Errors are problems by RFC 9457 with stable codes.",
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            routes=app.routes,
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        problem = TypeAdapter(Problem).json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs"))
        schemas["Problem"] = problem
        made["components"]["schemas"] = dict(sorted(schemas.items()))
        made["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "An API token."},
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": "ringfence",
                "description": "A browser's session; what changes something needs X-CSRF-Token too.",
            },
        }
        made["security"] = [{"token": []}, {"session": []}]
        app.openapi_schema = made
    return app.openapi_schema


def document_text(app: FastAPI) -> str:
    """Return the document as it stands in docs/reference."""
    return json.dumps(document(app), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
