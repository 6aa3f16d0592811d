"""The commands `profiles …`: list known receivers, what each accepts, and the source of every value."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from mmscontent.cli.options import json_option, own_profiles_option, profile_from, profile_options
from mmscontent.cli.output import write_json
from mmscontent.errors import ProfileError
from mmscontent.files import read_file
from mmscontent.ledger import columns
from mmscontent.profiles import kinds_of, lint_profiles, list_profiles, load_profile
from mmscontent.profiles.match import match_profiles
from mmscontent.profiles.model import FIELD_RULES, ROUTES, AudioFormat, Origin, Profile, VideoFormat

FOUND_FAULTS = 1
# The keys of `diff --json` are public: programs read them, so they stay when the words of a meaning change.
_DIFF_KEYS = {
    "limit_bytes": "largest packed message, bytes",
    "target_bytes": "aimed at, bytes",
    "image.media_types": "pictures",
    "image.max_long_px": "picture box, long side px",
    "image.max_short_px": "picture box, short side px",
    "image.progressive": "progressive JPEG",
    "image.animated": "animated GIF",
    "image.view_long_px": "seen at, long side px",
    "video.formats": "video",
    "audio.formats": "sound",
    "text.charsets": "text",
    "text.max_chars": "text, characters",
    "contact.versions": "cards",
    "contact.media_type": "cards are labelled",
    "calendar.versions": "calendar entries",
    "smil.accepted": "slides are played",
    "subject_max_chars": "subject, characters",
    "max_recipients": "recipients",
    "max_parts": "parts",
    "counts": "what is counted",
}
_DIFF_ROUTE_KEYS = {"limit_bytes": "largest message, bytes", "target_bytes": "aimed at, bytes"}


@click.group("profiles")
def profiles_group() -> None:
    """Show what is known about carriers, devices and content classes."""


@profiles_group.command("list")
@click.option("--kind", type=click.Choice(("carrier", "device", "class")), help="Only profiles of this kind.")
@click.option("--country", metavar="CC", help="Only carriers of this country, such as us.")
@own_profiles_option
@json_option
def list_command(kind: Any, country: str | None, profiles: str | None, *, as_json: bool) -> None:  # noqa: ANN401 - click gives a plain str
    """List all profiles."""
    found = [
        s for s in list_profiles(kind, profiles=profiles) if country is None or s.country.lower() == country.lower()
    ]
    if as_json:
        write_json([asdict(s) for s in found])
        return
    rows = [("kind", "key", "limit", "routes", "status", "name")]
    for s in found:
        limit = f"{s.limit_bytes:,}" if s.limit_bytes else "inherited"
        rows.append((s.kind, s.key, limit, " ".join(s.routes), s.status, s.name))
    click.echo(columns(rows))


@profiles_group.command("show")
@click.argument("key", required=False)
@profile_options
@json_option
def show_command(key: str | None, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's own
    """Print every effective value of a receiver, and the source that decided it."""
    profile = _load(key, options)
    if as_json:
        write_json(_profile_json(profile))
        return
    rows = [("what", "value", "set by", "date", "confidence")]
    for name, rule in FIELD_RULES.items():
        origin = profile.origin(name)
        decided = (origin.source, origin.date, origin.confidence) if origin else ("built in", "", "")
        rows.append((rule.meaning, _words(_value(profile, name)), *decided))
    click.echo(columns(rows))
    for note in profile.notes:
        click.echo(f"note: {note}")


@profiles_group.command("why")
@click.argument("key", required=False)
@profile_options
@json_option
def why_command(key: str | None, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's own
    """Print the source of each value: who stated it, the literal wording, and the statements that lost against it."""
    profile = _load(key, options)
    if as_json:
        write_json({name: asdict(origin) for name, origin in profile.origins})
        return
    for name, origin in profile.origins:
        click.echo(f"{name} = {_words(_value(profile, name))}")
        for line in _why(origin):
            click.echo(f"    {line}")


@profiles_group.command("diff")
@click.argument("first")
@click.argument("second")
@profile_options
@json_option
def diff_command(first: str, second: str, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's own
    """Print the differences between two profiles; the options hold for both."""
    words = _DIFF_KEYS if as_json else {name: rule.meaning for name, rule in FIELD_RULES.items()}
    by_route = _DIFF_ROUTE_KEYS if as_json else {name: words[name] for name in _DIFF_ROUTE_KEYS}
    pairs = [("", _load(first, options), _load(second, options))]
    if options["route"] is None:
        for route in ROUTES:
            one, other = (_load(key, {**options, "route": route}) for key in (first, second))
            pairs.append((f"{route}, ", one, other))
    differing = [
        (prefix + word, mine, theirs)
        for prefix, one, other in pairs
        for name, word in (by_route if prefix else words).items()
        if (mine := _value(one, name)) != (theirs := _value(other, name))
    ]
    if as_json:
        write_json({word: [_plain(mine), _plain(theirs)] for word, mine, theirs in differing})
        return
    rows = [("what", first, second), *((word, _words(mine), _words(theirs)) for word, mine, theirs in differing)]
    click.echo(columns(rows) if differing else "no difference")


@profiles_group.command("match")
@click.option("--plmn", help="MCC and MNC of the SIM, such as 311480.")
@click.option("--gid1", help="Group identifier of the SIM; it distinguishes a brand from its host network.")
@click.option("--spn", help="Service provider name of the SIM.")
@click.option("--imsi", help="IMSI of the subscriber, or its first digits.")
@click.option("--iccid", help="ICCID of the SIM, or its first digits.")
@click.option("--user-agent", help="The phone's User-Agent header.")
@click.option("--uaprof", metavar="FILE|URL", help="UAProf document, or the address that the phone sent.")
@own_profiles_option
@json_option
def match_command(uaprof: str | None, profiles: str | None, *, as_json: bool, **known: str | None) -> int:
    """Find profiles by what a phone or its SIM reports, the best match first."""
    if not any((uaprof, *known.values())):
        raise click.UsageError("nothing to match; give --plmn, --user-agent or --uaprof")
    found = match_profiles(uaprof=_document(uaprof), profiles=profiles, **known)
    if as_json:
        write_json([{"kind": m.kind, "key": m.key, "name": m.name, "how": m.how, "certain": m.certain} for m in found])
    else:
        rows = [("kind", "key", "certain", "how", "name")]
        rows += [(m.kind, m.key, "yes" if m.certain else "no", m.how, m.name) for m in found]
        click.echo(columns(rows) if found else "no profile matches")
    return 0 if found else FOUND_FAULTS


@profiles_group.command("lint")
@own_profiles_option
@json_option
def lint_command(profiles: str | None, *, as_json: bool) -> int:
    """Check every profile file and print its defects."""
    findings = lint_profiles(profiles)
    if as_json:
        write_json([asdict(f) for f in findings])
    else:
        for f in findings:
            click.echo(f"{f.severity}: {f.file}: {f.key + ': ' if f.key else ''}{f.message}")
        click.echo(f"{len(findings)} findings")
    return FOUND_FAULTS if any(f.severity == "error" for f in findings) else 0


def _load(key: str | None, options: dict[str, Any]) -> Profile:
    """Load the profile of a carrier, device or class by its key alone; the options add the rest."""
    if key is None:
        return profile_from(options)
    kinds = kinds_of(key, profiles=options["profiles"])
    if not kinds:
        return load_profile(carrier=key)  # raises an error that names similar keys
    kind = kinds[0]
    field = {"carrier": "carrier", "device": "device", "class": "content_class"}[kind]
    if options[field] not in (None, key):
        raise ProfileError(f"{key} and --{kind} {options[field]} are both a {kind}; give one of them", key=key)
    return profile_from({**options, field: key})


def _document(uaprof: str | None) -> str | bytes | None:
    if uaprof is None or "://" in uaprof:
        return uaprof
    return read_file(Path(uaprof))


def _value(profile: Profile, name: str) -> object:
    value: object = profile
    for step in name.split("."):
        value = getattr(value, step)
    return value


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(dict.fromkeys(_words(v) for v in value)) or "none"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, AudioFormat | VideoFormat):
        return f"{value.codec} in {value.media_type}"
    return "not stated" if value is None else str(value)


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return asdict(value) if isinstance(value, AudioFormat | VideoFormat) else value


def _profile_json(profile: Profile) -> dict[str, object]:
    document = asdict(profile)
    document["origins"] = {name: asdict(origin) for name, origin in profile.origins}
    return document


def _why(origin: Origin) -> list[str]:
    stated = f", stated as “{origin.stated}”" if origin.stated else ""
    lines = [f"{origin.source} ({origin.confidence}{', ' + origin.date if origin.date else ''}){stated}"]
    if origin.url:
        lines.append(origin.url)
    return lines + [f"against: {c}" for c in origin.competing]
