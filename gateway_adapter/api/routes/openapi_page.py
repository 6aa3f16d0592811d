"""Renders the OpenAPI document as a reference page: one HTML document without script or external resources.

`/openapi.json` is the document itself; the page lists each endpoint, and each body's members in a table.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--quiet:#667;--get:#06c;--post:#080;--delete:#b00}
@media (prefers-color-scheme:dark){:root{--quiet:#9aa;--get:#6bf;--post:#6d6;--delete:#f77}}
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h3{font-size:1rem;margin:1.6rem 0 .3rem}
h2{font-size:1.2rem;margin:2.2rem 0 .4rem;text-transform:capitalize}
details{border-top:1px solid var(--line)}summary{padding:.45rem 0;cursor:pointer}
code{font:14px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
.m{display:inline-block;width:4.2rem;font:600 13px ui-monospace,monospace}
.get{color:var(--get)}.post{color:var(--post)}.delete{color:var(--delete)}
.q{color:var(--quiet)}.old{text-decoration:line-through}
table{border-collapse:collapse;width:100%;margin:.3rem 0 1rem}
td,th{text-align:left;vertical-align:top;padding:.25rem .7rem .25rem 0;border-top:1px solid var(--line)}
td:first-child{width:15rem}th{font-weight:600;font-size:.85rem;color:var(--quiet)}
:target{outline:2px solid var(--get);outline-offset:.3rem}
"""


def reference_page_policy() -> str:
    """The page's Content-Security-Policy: its one style, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def reference_page(document: Mapping[str, Any]) -> str:
    """An OpenAPI document as HTML."""
    info = document["info"]
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    for name, methods in document.get("webhooks", {}).items():
        by_tag.setdefault("webhooks", []).append(_operation("post", name, methods["post"]))
    sections = "".join(f"<h2>{escape(tag)}</h2>{''.join(rows)}" for tag, rows in by_tag.items())
    forms = "".join(
        f"<li>{escape(one.get('description', name))}</li>"
        for name, one in document["components"]["securitySchemes"].items()
    )
    bodies = "".join(_schema_section(name, one) for name, one in sorted(document["components"]["schemas"].items()))
    title = f"{escape(info['title'])} {escape(info['version'])}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main>'
        f'<h1>{title}</h1><p>The same for machines: <a href="/openapi.json">/openapi.json</a></p>'
        f"<p>Every request carries <code>Authorization</code> in one of these forms:</p><ul>{forms}</ul>"
        f'{sections}<h2 id="bodies">Bodies</h2>{bodies}</main></body></html>'
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    old = " old" if operation.get("deprecated") else ""
    head = (
        f'<summary><span class="m {method}">{method.upper()}</span><code class="{old}">{escape(path)}</code> '
        f'<span class="q">{escape(operation["summary"])}</span></summary>'
    )
    return f"<details>{head}{_parameters(operation)}{_bodies(operation)}{_answers(operation)}</details>"


def _parameters(operation: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code>{'' if one.get('required') else ' <span class=q>optional</span>'}"
        f"</td><td>{escape(one['in'])}</td><td>{_kind(one['schema'])}</td>"
        f"<td>{escape(one.get('description', ''))}</td></tr>"
        for one in operation.get("parameters", ())
    )
    return f"<table><tr><th>name</th><th>in</th><th>value</th><th></th></tr>{rows}</table>" if rows else ""


def _bodies(operation: Mapping[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    rows = "".join(
        f"<tr><td><code>{escape(kind)}</code></td><td>{_kind(one['schema'])}</td></tr>" for kind, one in content.items()
    )
    return f"<table><tr><th>body</th><th></th></tr>{rows}</table>" if rows else ""


def _answers(operation: Mapping[str, Any]) -> str:
    rows = ""
    for status, answer in sorted(operation["responses"].items()):
        kinds = {_kind(one["schema"]) for one in answer.get("content", {}).values()}
        rows += f"<tr><td>{status}</td><td>{escape(answer['description'])}</td><td>{', '.join(sorted(kinds))}</td></tr>"
    return f"<table><tr><th>answer</th><th></th><th>body</th></tr>{rows}</table>"


def _schema_section(name: str, schema: Mapping[str, Any]) -> str:
    words = f"<p>{escape(schema['description'])}</p>" if "description" in schema else ""
    needed = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(member)}</code>{'' if member in needed else ' <span class=q>optional</span>'}</td>"
        f"<td>{_kind(one)}</td><td>{escape(one.get('description', ''))}</td></tr>"
        for member, one in schema.get("properties", {}).items()
    )
    table = f"<table>{rows}</table>" if rows else f"<p>{_kind(schema)}</p>"
    return f'<h3 id="{escape(name)}">{escape(name)}</h3>{words}{table}'


# The constraints of a schema, and their texts.
_BOUNDS = (
    ("minLength", "at least {} long"),
    ("maxLength", "at most {} long"),
    ("minItems", "at least {}"),
    ("maxItems", "at most {}"),
    ("minimum", "from {}"),
    ("maximum", "to {}"),
    ("pattern", "as {}"),
)


def _kind(schema: Mapping[str, Any]) -> str:
    """A value's type in words, with a link where it is a body of its own."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[several] if one.get("type") != "null"))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in values)
    constraints = [word.format(escape(str(schema[key]))) for key, word in _BOUNDS if schema.get(key) not in (None, 0)]
    bounds = f' <span class="q">{", ".join(constraints)}</span>' if constraints else ""
    return _type(schema) + bounds


def _type(schema: Mapping[str, Any]) -> str:
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if kind == "object" and "properties" in schema:
        members = (f"<code>{escape(name)}</code>: {_kind(one)}" for name, one in schema["properties"].items())
        return f"object: {'; '.join(members)}"
    return escape(str(schema.get("format", kind)))
