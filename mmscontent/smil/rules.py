"""The rules of lint: one row each, with a stable id, how bad it is, and what happens on the phone.

Ids are never reused or renamed. `error` means some receiver shows less than was sent; `warning` that receivers differ;
`info` that it is beyond MMS SMIL and without effect. Sources: OMA-TS-MMS_CONF section 8 as AOSP's isMMSConformance()
checks it; SMIL 1.0; bugs of public receivers named in docs/smil.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["RULES", "LintFinding", "Rule", "Severity"]

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its id, how bad it is, and why it matters."""

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
    ("unreadable", "error", "no slide can be made out; receivers show the parts one under the other"),
    ("not-well-formed", "error", "strict XML parsers stop here and show no slide"),
    ("not-utf8", "error", "names with letters outside us-ascii lead nowhere"),
    ("byte-order-mark", "warning", "some handsets' parsers stop at it"),
    ("xml-declaration", "info", "legal, and some handsets' parsers stop at it"),
    ("doctype", "warning", "receivers must not load it, and some refuse the document"),
    ("entity", "error", "entities are not expanded by receivers, and a way to attack them"),
    ("control-character", "error", "not allowed in XML"),
    # the frame
    ("root-not-smil", "error", "the first element decides whether it is read as a presentation at all"),
    ("no-slides", "error", "there is nothing to play"),
    ("no-layout", "warning", "where things stand is left to the receiver"),
    ("no-root-layout", "warning", "CONF asks for it, also when it is empty"),
    ("unknown-element", "warning", "receivers skip it, or stop"),
    ("unknown-attribute", "info", "not of MMS SMIL; makes the message non-conformant for Android"),
    ("meta", "info", "makes the message non-conformant for Android, and nobody shows it"),
    ("param", "info", "colours and sizes of text are not of MMS SMIL"),
    ("empty-slide", "warning", "an empty screen is shown, or the slide is skipped"),
    ("nested-par", "error", "receivers play the outer slide only"),
    ("time-container", "warning", "seq, excl, switch and links are not of MMS SMIL"),
    ("media-outside-par", "warning", "some receivers show only what stands in a slide"),
    # the screen
    ("duplicate-id", "error", "which region is meant is left to chance"),
    ("unknown-region-name", "warning", "CONF knows the regions Image and Text; others are ignored by some receivers"),
    ("undefined-region", "error", "what is to be shown in it may not be shown"),
    ("missing-region", "warning", "where it is shown is left to the receiver"),
    ("sound-region", "warning", "a sound has no place on the screen"),
    ("pixel-layout", "warning", "made for one screen; phones of today show it as a stamp or cut it off"),
    ("layout-larger-than-device", "warning", "what is beyond the screen is cut off"),
    ("region-outside-screen", "warning", "what is beyond the screen is cut off"),
    ("regions-overlap", "warning", "one covers the other"),
    ("empty-region", "error", "nothing can be seen in it"),
    ("small-text-region", "warning", "the words do not fit, and not every receiver scrolls"),
    ("unknown-fit", "warning", "receivers fall back to hidden, which cuts"),
    (
        "fit-hidden",
        "info",
        "hidden, also the default, shows the upper left corner of a picture and the first words of a text",
    ),
    ("fractional-percent", "warning", "Android reads whole percents only and gives up the layout"),
    # time
    ("missing-dur", "warning", "receivers choose: 5 s, 8 s or forever"),
    ("zero-dur", "error", "the slide is never seen"),
    ("bad-time", "error", "not a clock value of SMIL"),
    ("time-without-unit", "warning", "seconds for some receivers, milliseconds for others"),
    ("media-timing", "info", "begin, end and dur inside a slide are ignored by many receivers"),
    ("dur-cuts-media", "error", "the end of the sound or clip is not played"),
    ("dur-cuts-reading", "warning", "the words are gone before they are read"),
    # what is shown
    ("missing-src", "error", "nothing can be shown"),
    ("external-src", "error", "receivers fetch nothing from elsewhere, and must not"),
    ("picture-and-video", "error", "a slide shows a picture or a clip, not both"),
    ("several-pictures", "warning", "receivers show the first one"),
    ("several-texts", "warning", "receivers show the first one"),
    ("several-sounds", "warning", "receivers play the first one"),
    # the document and its parts together
    ("no-presentation", "warning", "the receiver chooses order and time"),
    ("presentation-type", "warning", "relays and receivers know it by application/smil"),
    ("dangling-src", "error", "AOSP gives up the whole presentation when a part is missing"),
    ("loose-src", "warning", "found by guessing; other receivers may not find it"),
    ("text-in-src", "error", "words stand where a name belongs; nobody shows them"),
    ("orphan-part", "warning", "receivers that play slides do not show it"),
    ("wrong-element", "warning", "the element says one kind, the part is of another"),
    ("part-order", "warning", "receivers that ignore SMIL show the parts in the order they come"),
    ("duplicate-part-name", "error", "which part is meant is left to chance"),
    ("unnamed-part", "error", "nothing can refer to it"),
    ("misleading-part-name", "warning", "receivers that go by the ending show it wrongly, or not at all"),
    ("awkward-part-name", "warning", "spaces, long names and letters outside us-ascii get lost between gateways"),
)
RULES: dict[str, Rule] = {rule_id: Rule(rule_id, severity, why) for rule_id, severity, why in _ROWS}
