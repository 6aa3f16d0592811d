"""What the OpenAPI says of an endpoint. Endpoints read the request themselves; these rows say what they read."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from gateway_adapter.api.errors import HTTP_ERRORS
from gateway_adapter.api.responses import ApiErrorAnswer, RequestErrorAnswer, SendV1Answer
from gateway_adapter.api.webhook_bodies import JSON, XML

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from fastapi import APIRouter, FastAPI
    from pydantic import BaseModel
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["IDEMPOTENCY_KEY", "OCTETS", "EndpointDoc", "EndpointRegistry", "header", "in_path"]

_OK, _EMPTY = 200, 204
_REF = "#/components/schemas/{model}"
OCTETS: Mapping[str, Any] = MappingProxyType({"type": "string", "format": "binary"})
_SECURITY: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "App": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "App <api key>"},
        "IBSSO": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "IBSSO <api key>"},
        "Basic": {"type": "http", "scheme": "basic", "description": "Basic, any user with the api key as password"},
        "Bearer": {"type": "http", "scheme": "bearer", "description": "Bearer <api key>"},
    }
)


def header(name: str, text: str, schema: Mapping[str, Any], *, required: bool = False) -> dict[str, Any]:
    """A header an endpoint reads."""
    return {"name": name, "in": "header", "required": required, "description": text, "schema": dict(schema)}


def in_path(name: str, text: str) -> dict[str, Any]:
    """A part of the path."""
    return {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}


IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    "The same key with the same body is one request however often it comes; with another body it is refused (409).",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
)


_WEBHOOK_HEADERS = (
    header("X-MMS-Webhook-Id", "The same at every try, to drop repeats by", {"type": "string"}, required=True),
    header("X-MMS-Timestamp", "Seconds since 1970 of this try", {"type": "integer"}, required=True),
    header(
        "X-MMS-Signature",
        "v1= and the hex HMAC-SHA256 of timestamp, a dot and the body, under the webhook secret",
        {"type": "string", "pattern": "^v1=[0-9a-f]{64}$"},
        required=True,
    ),
)


@dataclass(frozen=True, slots=True)
class EndpointDoc:
    """What one endpoint takes and gives.

    Attributes:
        bodies: Schema of the request body by content type: a model, or a schema as it stands.
        answer: Model of the 200; None for an answer without a body (204), or one told by *answers*.
        answers: Further successes as they stand in the OpenAPI.
        refusals: HTTP statuses beside 401, 403, 429 and 500.
        query: Model of the query string.
    """

    summary: str
    tag: str
    answer: type[BaseModel] | None = None
    bodies: Mapping[str, type[BaseModel] | Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    answers: Mapping[int, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    refusals: tuple[int, ...] = ()
    parameters: tuple[dict[str, Any], ...] = ()
    query: type[BaseModel] | None = None
    xml: bool = False
    deprecated: bool = False


class RawRoute(APIRoute):
    """A route whose endpoint gets the request and gives the response; nothing is parsed before or validated after."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself."""
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


_NAMED = str.maketrans({"/": "_", "{": None, "}": None, "-": "_"})


class EndpointRegistry:
    """The endpoints of a router and what is said of them; models that are named become parts of the document."""

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._models: set[type[BaseModel]] = set()
        self._webhooks: dict[str, dict[str, Any]] = {}

    def add(self, method: str, path: str, endpoint: Callable[[Request], Awaitable[Response]], doc: EndpointDoc) -> None:
        """Serve a path and say what it does."""
        extra: dict[str, Any] = {
            "security": [{name: []} for name in _SECURITY],
            "parameters": [*doc.parameters, *_query_parameters(doc.query)],
        }
        if doc.bodies:
            content = {kind: {"schema": self.schema(body)} for kind, body in doc.bodies.items()}
            extra["requestBody"] = {"required": True, "content": content}
        self._router.add_api_route(
            path,
            endpoint,
            methods=[method],
            status_code=_OK if doc.answer or _OK in doc.answers else _EMPTY,
            response_model=None,
            responses=self._responses(path, doc),
            summary=doc.summary,
            tags=[doc.tag],
            deprecated=doc.deprecated or None,
            operation_id=f"{method.lower()}{path.translate(_NAMED)}",
            openapi_extra=extra,
            route_class_override=RawRoute,
        )

    def add_webhook(self, name: str, summary: str, model: type[BaseModel]) -> None:
        """Say what is posted to customers' systems."""
        content = {JSON: {"schema": self.schema(model)}, XML: {"schema": {"type": "string"}}}
        self._webhooks[name] = {
            "post": {
                "tags": ["webhooks"],
                "summary": summary,
                "operationId": f"webhook_{name}",
                "parameters": [dict(one) for one in _WEBHOOK_HEADERS],
                "requestBody": {"required": True, "content": content},
                "responses": {
                    "200": {"description": "Taken; it does not come again"},
                    "default": {"description": "Tried again after 2, 5, 10, 17 … minutes, for 48 hours"},
                },
                "security": [],
            }
        }

    def schema(self, body: type[BaseModel] | Mapping[str, Any]) -> dict[str, Any]:
        """How the document refers to a model; a schema as it stands."""
        if not isinstance(body, type):
            return dict(body)
        self._models.add(body)
        return {"$ref": _REF.format(model=body.__name__)}

    def _responses(self, path: str, doc: EndpointDoc) -> dict[int | str, dict[str, Any]]:
        kinds = (JSON, XML) if doc.xml else (JSON,)
        told: dict[int | str, dict[str, Any]] = {status: dict(one) for status, one in doc.answers.items()}
        if doc.answer is not None:
            schema = self.schema(doc.answer)
            told[_OK] = {"description": "Done", "content": {kind: {"schema": schema} for kind in kinds}}
        for http in sorted({*doc.refusals, 401, 403, 429, 500}):
            schema = self.schema(_refusal_model(path, http))
            content = {kind: {"schema": schema} for kind in kinds}
            told[http] = {"description": HTTP_ERRORS[http].description, "content": content}
        return told

    def describe(self, app: FastAPI) -> None:
        """Let *app* tell the OpenAPI, once it is asked."""

        def tell() -> dict[str, Any]:
            if app.openapi_schema is None:
                app.openapi_schema = self._document(app)
            return app.openapi_schema

        app.openapi = tell  # type: ignore[method-assign]

    def _document(self, app: FastAPI) -> dict[str, Any]:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        models = sorted(self._models, key=lambda model: model.__name__)
        _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
        components = document.setdefault("components", {})
        components.setdefault("schemas", {}).update(schemas.get("$defs", {}))
        components.setdefault("securitySchemes", {}).update({name: dict(one) for name, one in _SECURITY.items()})
        document["webhooks"] = self._webhooks
        return document


def _query_parameters(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema(by_alias=True)
    needed = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": _without_null(one)}
        for name, one in schema["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query value is there or not; it is never null."""
    kinds = [one for one in schema.pop("anyOf", []) if one.get("type") != "null"]
    return {name: value for name, value in {**schema, **(kinds[0] if kinds else {})}.items() if value is not None}


def _refusal_model(path: str, http: int) -> type[BaseModel]:
    """The model of a refusal; errors.py has the same rule."""
    if path.startswith(("/mms/1/single", "/mms/1/content")) and http in {400, 408, 409, 413, 415}:
        return SendV1Answer
    return RequestErrorAnswer if path.startswith("/mms/1/") else ApiErrorAnswer
