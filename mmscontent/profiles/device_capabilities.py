"""The MMS capabilities that a device document states, and the device profile they make.

No XML and no files here: uaprof.py reads documents, read.py the compact table of 3,121 of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mmscontent.profiles.merge import Statement
from mmscontent.profiles.model import Origin
from mmscontent.profiles.schema import ProfileFile
from mmscontent.profiles.uaprof_vocabulary import audio_formats, image_types, video_formats, words_for

# Best first; the size of the best class stands in for a size that is missing (OMA-TS-MMS_CONF section 7).
_CLASS_BYTES = {
    "CR": 614_400,
    "MP": 614_400,
    "VR": 307_200,
    "CB": 102_400,
    "VB": 102_400,
    "IR": 102_400,
    "IB": 30_720,
    "TX": 30_720,
}


@dataclass(frozen=True, slots=True)
class DocumentFinding:
    """One defect of a document: a stable identifier, and a sentence."""

    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class DeviceCapabilities:
    """The values of one UAProf document that matter for MMS.

    Attributes:
        max_message_bytes: None when the document states none that is a number.
        max_message_stated: The literal text of that attribute; "" when it is not there.
        max_image_px: Width and height as written, or None.
        accepts: Media types in lower case without parameters, each once, in the document's order.
        levels: What the streaming parts say of codec levels, as written.
        namespace: Of the attribute that states the message size; None without one.
        findings: What was wrong with the document; empty for a clean one.
    """

    vendor: str = ""
    model: str = ""
    screen_px: tuple[int, int] | None = None
    max_message_bytes: int | None = None
    max_message_stated: str = ""
    max_image_px: tuple[int, int] | None = None
    versions: tuple[str, ...] = ()
    content_classes: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()
    charsets: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    os_name: str = ""
    namespace: str | None = None
    findings: tuple[DocumentFinding, ...] = ()


# Spellings of vendors at the start of what documents say, and the vendor in our keys.
_VENDORS = {
    "sony ericsson": "sonyericsson",
    "sonyericsson": "sonyericsson",
    "ericsson": "sonyericsson",
    "sony": "sony",
    "lg": "lg",
    "lge": "lg",
    "research": "blackberry",
    "rim": "blackberry",
    "high tech computer": "htc",
    "mot": "motorola",
    "asustek": "asus",
    "hewlett-packard": "hp",
    "benq-siemens": "siemens",
    "hw": "huawei",
    "tct": "alcatel",
}


def device_key(vendor: str, model: str) -> str:
    """`LG Electronics`, `LG/GU280/v1.0` to `lg/gu280`; "" when the document names no model."""
    spelling = vendor.strip().lower()
    vendor_key = next((ours for theirs, ours in _VENDORS.items() if re.match(rf"{theirs}\b", spelling)), "")
    vendor_key = vendor_key or re.sub(r"[^a-z0-9]+", "-", (spelling.split() or ["unknown"])[0]).strip("-") or "unknown"
    # Some documents put the version behind the model, others the vendor before it.
    name = re.sub(r"/v?[0-9.]+$", "", model.strip().lower())
    name = re.sub(r"[^a-z0-9.]+", "-", name).strip("-.")
    name = re.sub(rf"^(?:{vendor_key}|lge?|htc|mot|nokia|blackberry|rim|sonyericsson|samsung)-(?=.)", "", name)
    return f"{vendor_key}/{name}" if name else ""


def device_profile(document: DeviceCapabilities, source: str = "", date: str = "") -> ProfileFile:
    """Make the device profile of a document; `load_profile` accepts it.

    Args:
        document: What `read_uaprof` returned.
        source: Where the document was read, for people.
        date: ISO date of that reading.
    """
    key = device_key(document.vendor, document.model) or "unknown/device"
    origin = Origin(f"device {key}", source or "its UAProf document", date, "high")
    words = words_for(document.accepts)
    codecs = words_for(document.levels)
    lower_bound = is_lower_bound(document.os_name, document.screen_px)
    values: dict[str, object] = {
        "limit_bytes": document.max_message_bytes or _class_bytes(document.content_classes),
        "image.media_types": image_types(words),
        "video.formats": video_formats((*words, *codecs), document.levels, smartphone=lower_bound) if words else None,
        "audio.formats": audio_formats(words),
        "text.charsets": _written_charsets(document.charsets),
        **_image_bounds(document),
        **_documents_and_slides(document),
    }
    stated = replace(origin, stated=document.max_message_stated)
    return ProfileFile(
        kind="device",
        key=key,
        name=f"{document.vendor} {document.model}".strip() or "unnamed device",
        statements=tuple(
            Statement(field, value, stated if field == "limit_bytes" else origin)
            for field, value in values.items()
            if value or (field == "video.formats" and value is not None)
        ),
        extends="generic/portable-300",
        is_lower_bound=lower_bound,
        notes=tuple(f.message for f in document.findings),
    )


def is_lower_bound(os_name: str, screen_px: tuple[int, int] | None) -> bool:
    """Whether the stated limits are lower bounds: on Android since 2012 the operator's build sets the real ones."""
    long_px, short_px = max(screen_px or (0, 0)), min(screen_px or (0, 0))
    return "android" in os_name.lower() or (long_px >= 800 and short_px >= 480)  # noqa: PLR2004 - the first such screens


def _class_bytes(classes: tuple[str, ...]) -> int | None:
    return next((size for code, size in _CLASS_BYTES.items() if code in classes), None)


def _image_bounds(document: DeviceCapabilities) -> dict[str, object]:
    image, screen = document.max_image_px, document.screen_px
    return {
        "image.max_long_px": max(image) if image else None,
        "image.max_short_px": min(image) if image else None,
        "image.progressive": True if is_lower_bound(document.os_name, screen) else None,
        # A picture is seen at the size of the screen; the bounds keep a nonsensical screen from deciding.
        "image.view_long_px": min(max(*screen, 160), 1080) if screen else None,
    }


def _documents_and_slides(document: DeviceCapabilities) -> dict[str, object]:
    return {
        "contact.versions": ("2.1",) if "text/x-vcard" in document.accepts else None,
        "calendar.versions": ("1.0",) if "text/x-vcalendar" in document.accepts else None,
        "smil.accepted": "application/smil" in document.accepts,
    }


def _written_charsets(stated: tuple[str, ...]) -> tuple[str, ...]:
    """The stated charsets that we may write: UTF-8 and US-ASCII first, two-byte sets never (MMS CONF 10.2.1)."""
    named = [c for c in stated if c not in {"iso-10646-ucs-2", "utf-16"}]
    first = [c for c in ("utf-8", "us-ascii") if c in named]
    return tuple(first + [c for c in named if c not in first])
