"""The codec of contacts: reads any version of vCard, writes one the receiver opens, shrinks photos to fit.

Nothing that a contact points to is ever fetched. A contact in a version the receiver opens passes through.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mmscontent.codecs.base import Effort, Rendition, Survey
from mmscontent.codecs.vcard.photo import STEPS, PhotoStep, open_photo
from mmscontent.codecs.vcard.read import VERSIONS, Contact, read_contacts
from mmscontent.codecs.vcard.write import WrittenContacts, write_contacts
from mmscontent.errors import DoesNotFit, EngineFailed, MalformedContent, NotAllowed, OverLimits
from mmscontent.limits import DEFAULT_INPUT_LIMITS
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import ContactRule, Rule
from mmscontent.rate_quality import Curve

if TYPE_CHECKING:
    from mmscontent.codecs.content_lines import ContentLine

# An address book with photos; each is decoded.
_MOST_BYTES = 20_000_000
_PHOTOS = ("PHOTO", "LOGO")


@dataclass(slots=True)
class _SurveyedContacts:
    """What survey() found and render() needs."""

    rule: ContactRule
    version: str
    written: dict[PhotoStep, WrittenContacts]


class ContactSource:
    """One file of contacts; see MediaSource in codecs/base.py."""

    def __init__(self, data: bytes, info: MediaInfo) -> None:
        most = min(_MOST_BYTES, DEFAULT_INPUT_LIMITS.max_part_bytes)
        if len(data) > most:
            raise OverLimits(f"{info.media_type}: {len(data):,} bytes exceed the {most:,} that are read of contacts")
        self._data = data
        self._declared = info
        self._contacts, self._notes = read_contacts(data, info.charset)
        found = (_photo_in(line) for contact in self._contacts for line in contact.lines)
        self._photos = {data: open_photo(data) for data in found if data}
        self._work: _SurveyedContacts | None = None

    def survey(self, rule: Rule, effort: Effort) -> Survey:  # noqa: ARG002 - there is only one effort
        """Choose the version and write the contacts with each photo step; contacts are small.

        Raises:
            NotAllowed: The receiver opens no version that can be written.
        """
        assert isinstance(rule, ContactRule)
        version = self._version_for(rule)
        steps = STEPS if any(self._photos.values()) else STEPS[-1:]
        written = {step: write_contacts(self._with_photos(step), version) for step in steps}
        self._work = _SurveyedContacts(rule, version, written)
        reasons = self._passthrough_blockers(rule)
        versions = ", ".join(sorted({contact.version for contact in self._contacts}))
        points = [(len(w.data), step.score if len(steps) > 1 else 100.0) for step, w in written.items()]
        return Survey(
            info=self._info(rule.media_type),
            curve=Curve.through(points),
            minimum_bytes=min(size for size, _ in points),
            keep_bytes=None if reasons else len(self._data),
            scale="card",
            reasons=reasons,
            traits=(f"vCard {versions}", _counted(len(self._contacts))),
            stripped=self._labels(),
        )

    def keep(self) -> Rendition:
        """Return the file unchanged, under the media type the receiver wants."""
        assert self._work is not None, "survey() comes first"
        info = replace(self._info(self._work.rule.media_type), profile=self._contacts[0].version)
        return Rendition(self._data, info, 0, 100.0, tries=("passed through",))

    def render(self, limit_bytes: int) -> Rendition:
        """Return the contacts with the largest photos that fit, without photos if none does.

        Raises:
            DoesNotFit: The contacts without photos are larger.
        """
        assert self._work is not None, "survey() comes first"
        work = self._work
        tries: list[str] = []
        for step, written in work.written.items():
            photo = f", {step.label}" if len(work.written) > 1 else ""
            tries.append(f"vCard {work.version}{photo} → {len(written.data):,} bytes")
            if len(written.data) <= limit_bytes:
                return self._rendition(step, written, tuple(tries))
        least = min(len(w.data) for w in work.written.values())
        raise DoesNotFit(
            f"the contact needs at least {least:,} bytes without its photo, {limit_bytes:,} are left;"
            " allow more, or send fewer contacts",
            limit_bytes=limit_bytes,
            smallest_bytes=least,
            tries=tries,
        )

    def measure(self, data: bytes) -> float | None:
        """Return None: nothing measures a contact."""

    def _version_for(self, rule: ContactRule) -> str:
        present = {contact.version for contact in self._contacts}
        if len(present) == 1 and present <= set(rule.versions):
            return next(iter(present))  # no conversion loses anything
        version = next((v for v in rule.versions if v in VERSIONS), None)
        if version is None:
            accepted = ", ".join(rule.versions) or "of no version"
            raise NotAllowed(f"the receiver opens vCard {accepted}; 2.1 to 4.0 can be written")
        return version

    def _passthrough_blockers(self, rule: ContactRule) -> tuple[str, ...]:
        present = sorted({contact.version for contact in self._contacts})
        reasons = []
        if not set(present) <= set(rule.versions):
            reasons.append(f"the receiver opens vCard {', '.join(rule.versions)}, not {', '.join(present)}")
        elif len(present) > 1:
            reasons.append("the file mixes versions")
        if not self._is_utf8():
            reasons.append("its text is not in UTF-8")
        if self._notes:
            reasons.append("the file had to be repaired")
        if self._labels():
            reasons.append("its photo carries metadata")
        if None in self._photos.values():
            reasons.append("a photo in it cannot be opened")
        return tuple(reasons)

    def _is_utf8(self) -> bool:
        try:
            text = self._data.decode("utf-8")
        except UnicodeDecodeError:
            return False
        # vCard 2.1 states the charset on each line; a stated charset other than UTF-8 may not be read everywhere.
        return not any(mark in text.upper() for mark in ("CHARSET=SHIFT", "CHARSET=ISO-2022", "CHARSET=WINDOWS"))

    def _labels(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(label for photo in self._photos.values() if photo for label in photo.labels))

    def _with_photos(self, step: PhotoStep) -> tuple[Contact, ...]:
        return tuple(
            replace(
                contact, lines=tuple(one for line in contact.lines if (one := self._with_photo(line, step)) is not None)
            )
            for contact in self._contacts
        )

    def _with_photo(self, line: ContentLine, step: PhotoStep) -> ContentLine | None:
        data = _photo_in(line)
        if data is None:
            return line
        photo = self._photos.get(data)
        if photo is None or step.side_px == 0:
            return None
        shrunk = photo.at(step)
        kind = photo.suffix if shrunk == photo.clean else "JPEG"
        params = tuple(p for p in line.params if p[0] not in ("TYPE", "VALUE", "MEDIATYPE"))
        return replace(line, data=shrunk, params=(*params, ("TYPE", (kind,))))

    def _info(self, media_type: str) -> MediaInfo:
        return replace(
            self._declared,
            media_type=media_type,
            kind="contact",
            size_bytes=len(self._data),
            notes=(*self._declared.notes, *self._notes),
        )

    def _rendition(self, step: PhotoStep, written: WrittenContacts, tries: tuple[str, ...]) -> Rendition:
        assert self._work is not None
        work = self._work
        info = MediaInfo(work.rule.media_type, "contact", len(written.data), charset="utf-8", profile=work.version)
        notes = [*self._notes, *written.notes]
        if None in self._photos.values():
            notes.append("a photo that cannot be opened was left out")
        if any(self._photos.values()) and step.side_px is not None:
            notes.append(step.label)
        if any(line.name == "PHOTO" and line.data is None for contact in self._contacts for line in contact.lines):
            notes.append("a photo is given only as an address; it was not fetched")
        return Rendition(
            written.data,
            info,
            1,
            step.score if len(work.written) > 1 else 100.0,
            None,
            self._labels(),
            tries,
            tuple(dict.fromkeys(notes)),
        )


def _counted(contacts: int) -> str:
    return "1 contact" if contacts == 1 else f"{contacts} contacts"


def _photo_in(line: ContentLine) -> bytes | None:
    return line.data if line.name in _PHOTOS else None


def verify(data: bytes, info: MediaInfo) -> MediaInfo:
    """Read contacts we wrote and compare their version with the claim.

    Raises:
        EngineFailed: They cannot be read, or have another version.
    """
    try:
        contacts, notes = read_contacts(data)
    except MalformedContent as exc:
        raise EngineFailed(f"the contact that was written cannot be read ({exc})") from exc
    versions = {contact.version for contact in contacts}
    if info.profile is not None and versions != {info.profile}:
        raise EngineFailed(f"the contact that was written is vCard {', '.join(sorted(versions))}, not {info.profile}")
    return replace(info, size_bytes=len(data), notes=notes)
