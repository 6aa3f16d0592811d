"""The lint rules: one row each, with a stable id, a severity, and what happens on the phone; and shared predicates.

Ids are never reused or renamed. `error` means that some receiver shows less than was sent, `warning` that receivers
differ, `info` that the document goes beyond MMS SMIL without any effect. Sources: OMA-TS-MMS_CONF section 8 as AOSP's
isMMSConformance() checks it; SMIL 1.0; bugs of public receivers named in docs/smil.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mmscontent.smil.model import Region

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class LintRule:
    """One rule: its id, its severity, and why it matters."""

    id: str
    severity: Severity
    why: str


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One breach of a rule.

    Attributes:
        rule: Id of the rule.
        place: Where, in words: `line 4, slide 2, img` or `part 3 (beach.jpg)`.
        sentence: What is wrong there.
        line: Line of the document, 0 when it is not about a line.
    """

    rule: str
    severity: Severity
    place: str
    sentence: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.severity}: {self.place}: {self.sentence} [{self.rule}]"


_ROWS: tuple[tuple[str, Severity, str], ...] = (
    # the bytes
    ("unreadable", "error", "no slide can be read; receivers show the parts one below the other"),
    ("not-well-formed", "error", "strict XML parsers stop here and show no slide"),
    ("not-utf8", "error", "a source with letters outside us-ascii does not find its part"),
    ("byte-order-mark", "warning", "the parsers of some handsets stop at it"),
    ("xml-declaration", "info", "legal, but the parsers of some handsets stop at it"),
    ("doctype", "warning", "receivers must not load it, and some refuse the document"),
    ("entity", "error", "receivers do not expand entities, and attackers use them"),
    ("control-character", "error", "not allowed in XML"),
    # the frame
    ("root-not-smil", "error", "receivers read a document as a presentation only when its first element is smil"),
    ("no-slides", "error", "there is nothing to play"),
    ("no-layout", "warning", "the receiver decides where text and pictures are placed"),
    ("no-root-layout", "warning", "MMS SMIL requires root-layout, even an empty one"),
    ("unknown-element", "warning", "receivers skip it, or stop"),
    ("unknown-attribute", "info", "not part of MMS SMIL; Android treats the message as non-conformant"),
    ("meta", "info", "Android treats the message as non-conformant, and no receiver shows it"),
    ("param", "info", "MMS SMIL has no colours and sizes of text"),
    ("empty-slide", "warning", "an empty screen is shown, or the slide is skipped"),
    ("nested-par", "error", "receivers play the outer slide only"),
    ("time-container", "warning", "seq, excl, switch and links are not part of MMS SMIL"),
    ("media-outside-par", "warning", "some receivers show only what stands in a slide"),
    # the screen
    ("duplicate-id", "error", "receivers cannot tell which region is meant"),
    ("unknown-region-name", "warning", "CONF knows the regions Image and Text; others are ignored by some receivers"),
    ("undefined-region", "error", "the receiver may not show the medium at all"),
    ("missing-region", "warning", "the receiver decides where the medium is shown"),
    ("sound-region", "warning", "a sound is not shown on the screen, so it has no region"),
    ("pixel-layout", "warning", "made for one screen size; other phones show it too small or cut it off"),
    ("layout-larger-than-device", "warning", "the area beyond the screen is cut off"),
    ("region-outside-screen", "warning", "the area beyond the screen is cut off"),
    ("regions-overlap", "warning", "one region covers the other"),
    ("empty-region", "error", "a region without width or height shows nothing"),
    ("small-text-region", "warning", "the text does not fit, and not every receiver scrolls"),
    ("unknown-fit", "warning", "receivers fall back to hidden, which cuts"),
    ("fit-hidden", "info", "hidden, the default, shows only the upper left of a picture and the first words of a text"),
    ("fractional-percent", "warning", "Android reads whole percents only and gives up the layout"),
    # time
    ("missing-dur", "warning", "receivers choose a length themselves: 5 s, 8 s or no end"),
    ("zero-dur", "error", "the slide is never seen"),
    ("bad-time", "error", "not a clock value of SMIL"),
    ("time-without-unit", "warning", "seconds for some receivers, milliseconds for others"),
    ("media-timing", "info", "begin, end and dur inside a slide are ignored by many receivers"),
    ("dur-cuts-media", "error", "the end of the sound or clip is not played"),
    ("dur-cuts-reading", "warning", "the slide ends before its text can be read"),
    # what is shown
    ("missing-src", "error", "nothing can be shown"),
    ("external-src", "error", "receivers fetch nothing from elsewhere, and must not"),
    ("picture-and-video", "error", "a slide shows a picture or a clip, not both"),
    ("several-pictures", "warning", "receivers show the first one"),
    ("several-texts", "warning", "receivers show the first one"),
    ("several-sounds", "warning", "receivers play the first one"),
    # the document and its parts together
    ("no-presentation", "warning", "the receiver decides on order and timing"),
    ("presentation-type", "warning", "relays and receivers recognise a presentation by application/smil"),
    ("dangling-src", "error", "AOSP gives up the whole presentation when a part is missing"),
    ("loose-src", "warning", "only a loose match; other receivers may not find the part"),
    ("text-in-src", "error", "the source holds text in place of a name; no receiver shows it"),
    ("orphan-part", "warning", "receivers that play slides do not show it"),
    ("wrong-element", "warning", "the element and the part are of different kinds"),
    ("part-order", "warning", "receivers that ignore SMIL show the parts in the order they come"),
    ("duplicate-part-name", "error", "receivers cannot tell which part is meant"),
    ("unnamed-part", "error", "nothing can refer to it"),
    ("misleading-part-name", "warning", "receivers that go by the file extension show the part wrongly or not at all"),
    (
        "awkward-part-name",
        "warning",
        "gateways change or lose names with spaces, with letters outside us-ascii, or over 100 characters",
    ),
)
RULES: dict[str, LintRule] = {rule_id: LintRule(rule_id, severity, why) for rule_id, severity, why in _ROWS}


# --- predicates on sources and regions, shared by lint.py and repair.py so that the two agree --------------------

MIN_TEXT_HEIGHT = 10  # percent; two lines of text on a phone (chosen)
MIN_TEXT_WIDTH = 25  # percent; a long word (chosen)
_HALF = 0.5  # percent; regions in pixels meet with a rounding error

# Schemes of links seen or feared; any other colon is taken as part of a name, and is looked for among the parts only.
_SCHEME = re.compile(
    r"\s*(?:(?:https?|ftp|file|data|javascript|vbscript|rtsp|rtmp|wss?|blob|about|content|mailto|tel):|//)",
    re.IGNORECASE,
)


def is_external(src: str) -> bool:
    """Whether a source leads out of the message: a scheme other than `cid:`, or a host."""
    # RFC 2392: cid: is the one scheme that leads to a part of the same message
    return _SCHEME.match(src) is not None


def overlap(one: Region, other: Region) -> bool:
    """Whether two regions share more than an edge."""
    # regions that share an edge, or a rounding error of it, do not cover each other
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    return across > _HALF and down > _HALF


def out_of_screen(region: Region) -> bool:
    """Whether a region ends beyond the screen."""
    return region.right > 100 + _HALF or region.bottom > 100 + _HALF


def too_small_for_text(region: Region) -> bool:
    """Whether a region holds less than two short lines."""
    return region.width < MIN_TEXT_WIDTH or region.height < MIN_TEXT_HEIGHT


def finding(rule: str, place: str, sentence: str, line: int = 0) -> LintFinding:
    """A finding with the severity of its rule."""
    return LintFinding(rule, RULES[rule].severity, place, sentence, line)
