"""Renders the OpenAPI document as a reference page: one HTML document without script or external resources."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

_Row = tuple[str, str, str]  # name, kind and description, as markup
_STYLE = """
:root{color-scheme:light dark;--line:#8884}
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
h2{text-transform:capitalize}h3{font-size:1rem;margin:1.6rem 0 .3rem}
details{border-top:1px solid var(--line)}summary{padding:.45rem 0;cursor:pointer}
code{font:14px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}.m{display:inline-block;width:4.2rem}
table{border-collapse:collapse;width:100%;margin:.3rem 0 1rem}
td{vertical-align:top;padding:.25rem .7rem .25rem 0;border-top:1px solid var(--line)}td:first-child{width:15rem}
"""


def reference_page_policy() -> str:
    """The page's Content-Security-Policy: its one style, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def reference_page(document: Mapping[str, Any]) -> str:
    """An OpenAPI document as HTML: each endpoint and webhook by tag, then each body's members."""
    by_tag: dict[str, str] = {}
    for path, methods in {**document["paths"], **document["webhooks"]}.items():
        for method, operation in methods.items():
            tag = operation["tags"][0]
            by_tag[tag] = by_tag.get(tag, "") + _operation(method, path, operation)
    sections = "".join(f"<h2>{escape(tag)}</h2>{rows}" for tag, rows in by_tag.items())
    components = document["components"]
    forms = "".join(
        f"<li>{escape(one.get('description', name))}</li>" for name, one in components["securitySchemes"].items()
    )
    bodies = "".join(_schema_section(name, one) for name, one in sorted(components["schemas"].items()))
    title = f"{escape(document['info']['title'])} {escape(document['info']['version'])}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main>'
        f'<h1>{title}</h1><p>The same for machines: <a href="/openapi.json">/openapi.json</a></p>'
        f"<p>Every request carries <code>Authorization</code> in one of these forms:</p><ul>{forms}</ul>"
        f'{sections}<h2 id="bodies">Bodies</h2>{bodies}</main></body></html>'
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    """An endpoint: its parameters, its body by content type, its responses by status."""
    content = operation.get("requestBody", {}).get("content", {})
    rows = [
        *(_member(one["name"], one["schema"], one, required=one.get("required")) for one in operation["parameters"]),
        *((f"body <code>{escape(kind)}</code>", _kind(one["schema"]), "") for kind, one in content.items()),
        *((status, _kinds(one), escape(one["description"])) for status, one in sorted(operation["responses"].items())),
    ]
    note = " (deprecated)" if operation.get("deprecated") else ""
    return (
        f'<details><summary><span class="m">{method.upper()}</span><code>{escape(path)}</code> '
        f"{escape(operation['summary'])}{note}</summary>{_table(rows)}</details>"
    )


def _kinds(response: Mapping[str, Any]) -> str:
    return ", ".join(sorted({_kind(one["schema"]) for one in response.get("content", {}).values()}))


def _schema_section(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    members = schema.get("properties", {}).items()
    table = _table(_member(member, one, one, required=member in required) for member, one in members)
    text = f"<p>{escape(schema.get('description', ''))}</p>"
    return f'<h3 id="{escape(name)}">{escape(name)}</h3>{text}{table if members else _kind(schema)}'


def _member(
    name: str, schema: Mapping[str, Any], about: Mapping[str, Any], *, required: object
) -> tuple[str, str, str]:
    place = f" ({about['in']})" if "in" in about else ""
    note = f"{place}{'' if required else ' optional'}"
    return f"<code>{escape(name)}</code>{note}", _kind(schema), escape(about.get("description", ""))


def _table(rows: Iterable[_Row]) -> str:
    """A table; cells are markup already."""
    lines = (f"<tr><td>{name}</td><td>{kind}</td><td>{text}</td></tr>" for name, kind, text in rows)
    return f"<table>{''.join(lines)}</table>"


# The constraints of a schema, and their texts.
_BOUNDS = {
    "minLength": "at least {} long",
    "maxLength": "at most {} long",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "minimum": "from {}",
    "maximum": "to {}",
    "pattern": "as {}",
}


def _kind(schema: Mapping[str, Any]) -> str:
    """A value's type in words, with a link where it is a body of its own."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[several] if one.get("type") != "null"))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in values)
    bounds = [
        text.format(escape(str(schema[key]))) for key, text in _BOUNDS.items() if schema.get(key) not in (None, 0)
    ]
    return ", ".join((_type(schema), *bounds))


def _type(schema: Mapping[str, Any]) -> str:
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if kind == "object" and "properties" in schema:
        members = (f"<code>{escape(name)}</code>: {_kind(one)}" for name, one in schema["properties"].items())
        return f"object: {'; '.join(members)}"
    return escape(str(schema.get("format", kind)))
