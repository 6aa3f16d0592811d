"""Generates the OpenAPI document from the endpoints' rows and the shapes they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, TypeAdapter

import mmscontent as mms
from gateway_adapter.api.responses import adapter_of
from gateway_adapter.api.routes.endpoints import Endpoint, header
from gateway_adapter.api.routes.http_responses import HTTP_ERRORS, error_shape
from gateway_adapter.api.webhook_bodies import JSON, XML

_SECURITY: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "App": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "App <api key>"},
        "IBSSO": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "IBSSO <api key>"},
        "Basic": {"type": "http", "scheme": "basic", "description": "Basic, any user with the api key as password"},
        "Bearer": {"type": "http", "scheme": "bearer", "description": "Bearer <api key>"},
    }
)
_WEBHOOK_HEADERS = (
    header("X-MMS-Webhook-Id", "The same at every attempt; drop repeats by it", {"type": "string"}, required=True),
    header("X-MMS-Timestamp", "Seconds since 1970 of this attempt", {"type": "integer"}, required=True),
    header(
        "X-MMS-Signature",
        "v1= and the hex HMAC-SHA256 of timestamp, a dot and the body, under the webhook secret",
        {"type": "string", "pattern": "^v1=[0-9a-f]{64}$"},
        required=True,
    ),
)
_EVERY_REFUSAL = frozenset({401, 403, 429, 500})
_QUERY_REFUSALS = frozenset({400})
_BODY_REFUSALS = frozenset({400, 408, 413, 415})
_OPERATION_ID = str.maketrans({"/": "_", "{": None, "}": None, "-": "_"})


def openapi_document(rows: Iterable[Endpoint], webhooks: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    """The whole document; *webhooks* are summary and shape by name."""
    schemas = _Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "mms-gateway", "version": mms.__version__},
        "paths": paths,
        "webhooks": {name: {"post": _webhook(name, *webhook)} for name, webhook in webhooks.items()},
    }
    resolved: dict[str, Any] = schemas.resolve(document)
    security = {name: dict(one) for name, one in _SECURITY.items()}
    return {**resolved, "components": {"schemas": schemas.components, "securitySchemes": security}}


class _Schemas:
    """Replaces the shapes that stand in a document by references, and holds their schemas."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}

    def resolve(self, document: Any) -> Any:  # noqa: ANN401 - JSON with shapes in it
        shapes = dict.fromkeys(_shapes_in(document))
        references, definitions = TypeAdapter.json_schemas(
            [(shape, "validation", adapter_of(shape)) for shape in shapes], ref_template="#/components/schemas/{model}"
        )
        self.components = definitions["$defs"]
        return _replaced(document, {shape: schema for (shape, _), schema in references.items()})


def _is_shape(value: object) -> bool:
    return isinstance(value, type) or hasattr(value, "__origin__")  # a class, or a list of one


def _shapes_in(value: Any) -> Iterable[Any]:  # noqa: ANN401 - JSON with shapes in it
    if _is_shape(value):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _shapes_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _shapes_in(inner)


def _replaced(value: Any, schemas: Mapping[Any, Any]) -> Any:  # noqa: ANN401 - JSON with shapes in it
    if _is_shape(value):
        return schemas[value]
    if isinstance(value, Mapping):
        return {name: _replaced(inner, schemas) for name, inner in value.items()}
    return [_replaced(inner, schemas) for inner in value] if isinstance(value, (list, tuple)) else value


def _operation(row: Endpoint) -> dict[str, Any]:
    lines = (row.handler.__doc__ or "").splitlines()
    operation: dict[str, Any] = {
        "tags": [row.tag],
        "summary": lines[0].rstrip("."),
        "operationId": f"{row.method.lower()}{row.path.translate(_OPERATION_ID)}",
        "parameters": [*row.parameters, *_query_parameters(row.query)],
        "responses": _responses(row),
        "security": [{name: []} for name in _SECURITY],
    }
    if row.bodies:
        operation["requestBody"] = {"required": True, "content": _content(row.bodies)}
    return {**operation, "deprecated": True} if row.deprecated else operation


def _content(schemas: Mapping[str, Any]) -> dict[str, Any]:
    return {media_type: {"schema": schema} for media_type, schema in schemas.items()}


def _responses(row: Endpoint) -> dict[str, Any]:
    media_types = (JSON, XML) if row.xml else (JSON,)
    found: dict[str, Any] = {str(http): dict(one) for http, one in row.responses.items()}
    if row.response is not None:
        found["200"] = {"description": "Done", "content": _content(dict.fromkeys(media_types, row.response))}
    refusals = {*_EVERY_REFUSAL, *row.refusals}
    refusals |= _QUERY_REFUSALS if row.query else frozenset()
    refusals |= _BODY_REFUSALS if row.bodies else frozenset()
    for http in sorted(refusals):
        content = _content(dict.fromkeys(media_types, error_shape(row.path, http)))
        found[str(http)] = {"description": HTTP_ERRORS[http].description, "content": content}
    return found


def _webhook(name: str, summary: str, shape: Any) -> dict[str, Any]:  # noqa: ANN401 - a response class
    return {
        "tags": ["webhooks"],
        "summary": summary,
        "operationId": f"webhook_{name}",
        "parameters": [dict(one) for one in _WEBHOOK_HEADERS],
        "requestBody": {"required": True, "content": _content({JSON: shape, XML: {"type": "string"}})},
        "responses": {
            "200": {"description": "Received; it is not sent again"},
            "default": {"description": "Sent again after 2, 5, 10, 17 … minutes, for 48 hours"},
        },
        "security": [],
    }


def _query_parameters(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema(by_alias=True)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(one)}
        for name, one in schema["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query value is there or not; it is never null."""
    # JSON Schema of an optional member is anyOf its type and null
    kinds = [one for one in schema.pop("anyOf", []) if one.get("type") != "null"]
    return {name: value for name, value in {**schema, **(kinds[0] if kinds else {})}.items() if value is not None}
