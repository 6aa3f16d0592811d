"""Finds profile keys by PLMN and SIM, by User-Agent, or by UAProf document and address.

A brand that shares its host's PLMN never hides the host: without its SIM qualifier it is only a possible match.
"""

from __future__ import annotations

import fnmatch
import hashlib
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmscontent.errors import ProfileError
from mmscontent.profiles.device_capabilities import device_profile
from mmscontent.profiles.read import (
    POPULATION,
    find_profile,
    profile_folders,
    read_toml,
    rows_of,
    table_text,
    toml_keys,
)
from mmscontent.profiles.schema import KINDS, Kind, ProfileFile, parse_profile
from mmscontent.profiles.uaprof import read_uaprof

PLMN = Path("carriers", "plmn.tsv")
DEVICE_PATTERNS = Path("devices", "match.tsv")


@dataclass(frozen=True, slots=True)
class ProfileMatch:
    """One profile that matches.

    Attributes:
        how: The reason, for people.
        certain: False when more must be known to be sure; `how` says what.
        device: The device itself when it was read from a document; `load_profile` accepts it.
    """

    kind: Kind
    key: str
    name: str
    how: str
    certain: bool = True
    device: ProfileFile | None = None


def match_profiles(
    *,
    plmn: str | None = None,
    gid1: str | None = None,
    spn: str | None = None,
    imsi: str | None = None,
    iccid: str | None = None,
    user_agent: str | None = None,
    uaprof: str | bytes | None = None,
    profiles: str | os.PathLike[str] | None = None,
) -> tuple[ProfileMatch, ...]:
    """Find profiles, the best match first; empty when none matches.

    Args:
        plmn: MCC and MNC of the SIM, `311480`.
        gid1: Group identifier of the SIM; this and the next three distinguish a brand from its host network.
        spn: Service provider name of the SIM.
        imsi: IMSI of the subscriber, or its first digits.
        iccid: ICCID of the SIM, or its first digits.
        user_agent: The header, as the phone sends it.
        uaprof: The address from the `x-wap-profile` header, or the bytes of the document itself.
        profiles: The user's folder, as for `load_profile`.

    Raises:
        ProfileError: The PLMN is not five or six digits.
        MalformedContent, OverLimits: The UAProf document cannot be read.
    """
    folders = profile_folders(profiles)
    found: list[ProfileMatch] = []
    if plmn is not None:
        sim = {"gid1": gid1, "spn": spn, "imsi": imsi, "iccid": iccid}
        found += _by_plmn(_digits(plmn), {k: v for k, v in sim.items() if v}, folders)
    if isinstance(uaprof, bytes):
        found += _by_document(uaprof, folders)
    elif uaprof is not None:
        found += _by_address(uaprof, folders)
    if user_agent is not None:
        found += _by_user_agent(user_agent, folders)
    return tuple(sorted(found, key=lambda m: not m.certain))


def _match(kind: Kind, key: str, how: str, folders: tuple[Path, ...], *, certain: bool = True) -> ProfileMatch | None:
    profile = find_profile(kind, key, folders)
    return ProfileMatch(kind, key, profile.name, how, certain) if profile else None


# -- networks ---------------------------------------------------------------------------------------------------------


def _digits(plmn: str) -> str:
    digits = re.sub(r"[\s-]", "", plmn)
    if not re.fullmatch(r"[0-9]{5,6}", digits):
        raise ProfileError(f"a PLMN is an MCC and an MNC, five or six digits, got {plmn!r}", key="plmn", value=plmn)
    return digits


def _by_plmn(plmn: str, sim: dict[str, str], folders: tuple[Path, ...]) -> Iterator[ProfileMatch]:
    """The brand that the SIM qualifies for, else the host; brands whose qualifier is unknown are possible matches."""
    rules = [rule for folder in folders for rule in _rules(folder, plmn)]
    # A brand has its host's code and a qualifier of its own, so a met qualifier says more than the code.
    met = [(q, key) for q, key in rules if q and _meets(q, sim)]
    host = [(q, key) for q, key in rules if not q][:1]
    chosen = met or host
    for qualifier, key in chosen:
        how = f"PLMN {plmn}" + (f" with {qualifier}" if qualifier else "")
        if match := _match("carrier", key, how, folders):
            yield match
    for qualifier, key in rules:
        if qualifier and (qualifier, key) not in met and not sim:
            how = f"PLMN {plmn} if the SIM has {qualifier.replace('&', ' and ')}"
            if match := _match("carrier", key, how, folders, certain=False):
                yield match


def _rules(folder: Path, plmn: str) -> list[tuple[str, str]]:
    """Qualifiers and carriers of a code, from the compact table; a user's folder has none, so its files are read."""
    text = table_text(folder / PLMN)
    if text:
        return [(qualifier, key) for _, qualifier, key in rows_of(text, plmn)]
    found = []
    for key in toml_keys(folder / KINDS["carrier"]):
        file = folder / KINDS["carrier"] / f"{key}.toml"
        profile = parse_profile("carrier", key, read_toml(file), str(file))
        found += [("", key) for code in profile.plmn if code == plmn]
        found += [(q, key) for code, _, q in (m.partition(":") for m in profile.mvno) if code == plmn]
    return found


def _meets(qualifier: str, sim: dict[str, str]) -> bool:
    """Whether the SIM has all of `gid1=BAE1&spn=Brand`; group ids and numbers are compared by their first digits."""
    for condition in qualifier.split("&"):
        name, _, wanted = condition.partition("=")
        has = sim.get(name, "").lower()
        # As in AOSP's imsi_prefix_xpattern an x stands for any digit.
        pattern = re.escape(wanted.lower()).replace("x", "[0-9]") if name == "imsi" else re.escape(wanted.lower())
        meets = re.fullmatch if name == "spn" else re.match
        if not has or not meets(pattern, has):
            return False
    return True


# -- phones -----------------------------------------------------------------------------------------------------------


def _by_document(data: bytes, folders: tuple[Path, ...]) -> Iterator[ProfileMatch]:
    document = read_uaprof(data)
    device = device_profile(document, "the UAProf document given")
    how = f"the document names {device.name}" + (f"; {device.notes[0]}" if device.notes else "")
    yield ProfileMatch("device", device.key, device.name, how, certain=True, device=device)
    if match := _match("device", device.key, "the same model is known", folders, certain=False):
        yield match


def _by_address(header: str, folders: tuple[Path, ...]) -> Iterator[ProfileMatch]:
    """The first address of an `x-wap-profile` value; digests and further addresses are ignored."""
    found = re.search(r"https?://[^\s\"',]+", header)
    url = found.group() if found else header.strip()
    for key in _pattern_keys("uaprof", url, folders):
        if match := _match("device", key, f"UAProf address {url}", folders):
            yield match
            return
    # The population names a document by the first 16 hex digits of the MD5 of its address (docs/profiles.md).
    digest = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()[:16]
    for folder in folders:
        text = table_text(folder / POPULATION)
        at = text.find(f"\t{digest}\t")
        if at >= 0:
            key = f"{text[text.rfind(chr(10), 0, at) + 1 : at]}@{digest}"
            if match := _match("device", key, f"UAProf address {url}", folders):
                yield match
            return


def _pattern_keys(what: str, text: str, folders: tuple[Path, ...]) -> Iterator[str]:
    """Keys of devices whose pattern matches, the user's first."""
    for folder in folders:
        for name, pattern, key in _patterns(folder):
            if name == what and fnmatch.fnmatchcase(text.lower(), pattern.lower()):
                yield key


def _patterns(folder: Path) -> Iterator[tuple[str, str, str]]:
    text = table_text(folder / DEVICE_PATTERNS)
    for line in text.splitlines():
        if not line.startswith("#"):
            name, pattern, key = line.split("\t")
            yield name, pattern, key
    for key in toml_keys(folder / KINDS["device"]) if not text else ():
        file = folder / KINDS["device"] / f"{key}.toml"
        profile = parse_profile("device", key, read_toml(file), str(file))
        yield from (("uaprof", p, key) for p in profile.uaprof)
        yield from (("user_agent", p, key) for p in profile.user_agent)


# Words in a User-Agent that name the vendor, and the vendor in our keys.
_VENDOR_WORDS = {
    "sonyericsson": "sonyericsson",
    "blackberry": "blackberry",
    "samsung": "samsung",
    "nokia": "nokia",
    "huawei": "huawei",
    "alcatel": "alcatel",
    "motorola": "motorola",
    "mot": "motorola",
    "siemens": "siemens",
    "sie": "siemens",
    "lenovo": "lenovo",
    "htc": "htc",
    "lge": "lg",
    "lg": "lg",
    "zte": "zte",
    "acer": "acer",
    "asus": "asus",
}
_MIN_MODEL_CHARS = 5  # a model named without its vendor must be this long, and hold letters and digits


def _by_user_agent(user_agent: str, folders: tuple[Path, ...]) -> Iterator[ProfileMatch]:
    """A device whose model the header names, else one whose pattern matches."""
    # A header from an untrusted source; no phone sends one that is nearly as long.
    for key, model in _models_in(user_agent[:1000], folders):
        if match := _match("device", key, f"the User-Agent names {model}", folders):
            yield match
            return
    for key in _pattern_keys("user_agent", user_agent[:1000], folders):
        if match := _match("device", key, "the User-Agent matches its pattern", folders):
            yield match
            return


def _models_in(user_agent: str, folders: tuple[Path, ...]) -> list[tuple[str, str]]:
    """Keys of the models that a header names, with the word it uses; the longest word first."""
    known = _models(folders)
    words = re.split(r"[\s/;(),]+", user_agent)
    lowered = user_agent.lower()
    vendors = {key for word, key in _VENDOR_WORDS.items() if word in lowered}
    found: dict[str, str] = {}
    for word in (*words, *(a + b for a, b in itertools.pairwise(words))):
        for squeezed in _without_vendor(re.sub(r"[^a-z0-9]", "", word.lower())):
            for key in known.get(squeezed, ()):
                if key.partition("/")[0] in vendors or _is_distinctive(squeezed):
                    found.setdefault(key, squeezed)
    return sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))


def _without_vendor(word: str) -> Iterator[str]:
    """A word, and the word without the vendor at its start: `nokia6300`, `6300`."""
    yield word
    for vendor in _VENDOR_WORDS:
        if word.startswith(vendor) and len(word) > len(vendor):
            yield word[len(vendor) :]


def _is_distinctive(model: str) -> bool:
    return len(model) >= _MIN_MODEL_CHARS and not model.isdigit() and not model.isalpha()


def _models(folders: tuple[Path, ...]) -> dict[str, list[str]]:
    """Device keys by the model's name without punctuation; two vendors may use the same name."""
    models: dict[str, list[str]] = {}
    keys = [key for folder in folders for key in toml_keys(folder / KINDS["device"])]
    for folder in folders:
        lines = table_text(folder / POPULATION).splitlines()
        keys += dict.fromkeys(line.partition("\t")[0] for line in lines if line[:1] not in ("#", "="))
    for key in dict.fromkeys(keys):
        models.setdefault(re.sub(r"[^a-z0-9]", "", key.partition("/")[2]), []).append(key)
    return models
