"""The small pieces of markup the page is built of. All text goes through `esc`; no style attribute is ever written."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Sequence


def esc(text: object) -> str:
    """Text as markup, quotes and all; control characters become the replacement sign."""
    # HTML: control characters are parse errors; the replacement sign shows that something was there
    clean = "".join(c if c >= " " or c in "\n\t" else "\ufffd" for c in str(text))
    # quotes as well, since the text also stands in attributes
    return html.escape(clean, quote=True)


def plural(count: int, noun: str) -> str:
    """`1 slide`, `3 slides`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def data_uri(media_type: str, data: bytes) -> str:
    """Bytes as an address of their own; the type must be one of our table, not the sender's."""
    # RFC 2397
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def json_block(value: object) -> str:
    """JSON that may stand inside a script element."""
    # HTML section 4.12.1.3: `</script` and `<!--` must not stand in a script; both need a `<`
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def tag(name: str, inner: str, **attributes: object) -> str:
    """An element; a trailing underscore is taken off attribute names, inner underscores become hyphens."""
    pairs = "".join(f' {k.rstrip("_").replace("_", "-")}="{esc(v)}"' for k, v in attributes.items() if v is not None)
    return f"<{name}{pairs}>{inner}</{name}>"


def items(lines: Iterable[str], class_: str) -> str:
    """A list of sentences, or nothing."""
    rows = "".join(f"<li>{esc(line)}</li>" for line in lines)
    return f'<ul class="{class_}">{rows}</ul>' if rows else ""


def bubble(inner: str, kind: str = "") -> str:
    """One bubble of the conversation."""
    return f'<div class="bubble{" " + kind if kind else ""}">{inner}</div>'


def bar(share: float, kind: str, label: str) -> str:
    """How much of the whole one part takes."""
    # a part of a few bytes must still be seen
    width = max(0.4, min(100.0, share * 100))
    return (
        f'<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label="{esc(label)}">'
        f'<rect class="k-{kind}" width="{width:.2f}" height="1"/></svg>'
    )


def stacked_bar(pieces: Sequence[tuple[float, str]], mark: float | None, label: str) -> str:
    """All parts one after the other, each (share, kind), and a mark where the aim is."""
    # the pieces lie side by side, with a gap of a quarter percent between them
    at = 0.0
    rows = []
    for share, kind in pieces:
        width = share * 100
        rows.append(f'<rect class="k-{kind}" x="{at:.3f}" width="{max(0.05, width - 0.25):.3f}" height="1"/>')
        at += width
    if mark is not None:
        rows.append(f'<rect class="mark" x="{min(99.7, mark * 100):.3f}" width="0.3" height="1"/>')
    return (
        f'<svg class="whole" viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label="{esc(label)}">'
        f"{''.join(rows)}</svg>"
    )
