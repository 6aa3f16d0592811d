"""One conformance suite over every shipped profile: each loads, each number has its source, each code one owner."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from mmscontent.media_types import find
from mmscontent.profiles import kinds_of, lint_profiles, list_profiles, load_profile
from mmscontent.profiles.match import match_profiles
from mmscontent.profiles.read import chain_of, profile_folders, read_profile, read_toml, toml_keys
from mmscontent.profiles.schema import KINDS
from tests.conftest import CORPUS
from tools import generate_carriers, generate_devices

TABLES = CORPUS.parent / "data"
SHIPPED = profile_folders()[-1]
FILES = [(kind, key) for kind, folder in KINDS.items() for key in toml_keys(SHIPPED / folder)]
CATALOGUE = list_profiles()
INHERITED = [row.key for row in CATALOGUE if row.kind == "carrier" and ("carrier", row.key) not in FILES]
ARGUMENT = {"carrier": "carrier", "device": "device", "class": "content_class"}


def test_the_shipped_files_have_no_finding():
    assert lint_profiles() == ()


@pytest.mark.parametrize(("kind", "key"), FILES, ids=lambda value: value)
def test_every_file_loads_and_every_value_it_states_has_a_source_and_a_date(kind, key):
    profile = load_profile(**{ARGUMENT[kind]: key}, allow_inactive=True)

    stated = [origin for _, origin in profile.origins if origin.source != "unknown device"]
    assert stated
    assert all(origin.source and origin.url and origin.date for origin in stated)
    assert 0 < profile.target_bytes <= profile.limit_bytes


@pytest.mark.parametrize(("kind", "key"), FILES, ids=lambda value: value)
def test_every_file_names_only_types_and_numbers_that_make_sense(kind, key):
    profile = load_profile(**{ARGUMENT[kind]: key}, allow_inactive=True)

    assert all(find(name) is not None for name in profile.image.media_types)
    assert all(find(f.media_type) is not None for f in (*profile.video.formats, *profile.audio.formats))
    assert profile.image.max_long_px >= profile.image.max_short_px
    assert len(set(profile.video.formats)) == len(profile.video.formats)
    assert 10_000 <= profile.limit_bytes <= 10_000_000


def test_every_carrier_without_a_file_inherits_from_one_and_loads():
    loaded = [load_profile(key, allow_inactive=True) for key in INHERITED]

    assert len(loaded) > 300
    assert all(300_000 <= profile.limit_bytes <= 1_200_000 for profile in loaded)


def test_hundreds_of_carriers_have_their_own_limits_or_ending():
    carriers = [row for row in CATALOGUE if row.kind == "carrier"]

    assert len(carriers) >= 630
    assert len([row for row in carriers if row.limit_bytes]) >= 245
    assert len([row for row in carriers if row.limit_bytes or row.status in ("disabled", "discontinued")]) >= 280


def test_every_device_row_is_there():
    assert len([row for row in CATALOGUE if row.kind == "device"]) == 53


def test_a_parent_exists_for_every_file():
    chains = [chain_of(read_profile(kind, key, (SHIPPED,)), (SHIPPED,)) for kind, key in FILES]

    assert all(chain[-1].extends is None for chain in chains)


# -- codes ----------------------------------------------------------------------------------------------------------


def plmn_lines() -> list[tuple[str, str, str]]:
    lines = (SHIPPED / "carriers" / "plmn.tsv").read_text(encoding="utf-8").splitlines()
    return [(code, qualifier, key) for code, qualifier, key in (x.split("\t") for x in lines if x[0] != "#")]


def test_every_code_has_at_most_one_carrier_without_a_qualifier():
    owners: dict[str, set[str]] = defaultdict(set)
    for code, qualifier, key in plmn_lines():
        if not qualifier:
            owners[code].add(key)

    assert len(owners) >= 809
    assert {code: keys for code, keys in owners.items() if len(keys) > 1} == {}


def test_every_code_is_well_formed_and_leads_to_a_profile():
    keys = {row.key for row in CATALOGUE if row.kind == "carrier"}

    for code, qualifier, key in plmn_lines():
        assert re.fullmatch(r"\d{5,6}", code)
        assert key in keys
        assert not qualifier or re.fullmatch(r"(?:gid1|spn|imsi|iccid)=.+", qualifier)


def test_a_qualified_code_never_captures_the_host_network():
    hosts = {code: key for code, qualifier, key in plmn_lines() if not qualifier}
    for code in sorted({code for code, qualifier, _ in plmn_lines() if qualifier}):
        certain = [m.key for m in match_profiles(plmn=code) if m.certain]
        assert certain == ([hosts[code]] if code in hosts else []), code


# -- the population -------------------------------------------------------------------------------------------------


def population_lines() -> list[list[str]]:
    lines = (SHIPPED / "devices" / "population.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line[:1] not in "#="]


def test_thousands_of_phones_are_known():
    lines = population_lines()

    assert len({cells[0] for cells in lines}) >= 2_000
    assert len({cells[1] for cells in lines}) >= 2_900  # some addresses were collected twice
    assert len(lines) == 3_121


def test_every_phone_of_the_population_loads_by_its_document():
    for cells in population_lines()[::40]:
        profile = load_profile(device=f"{cells[0]}@{cells[1]}")
        assert profile.limit_bytes == min(int(cells[4] or 300_000), 300_000)


def test_a_model_with_several_builds_takes_the_lowest_and_tells_of_the_others():
    profile = load_profile("gb/three", "p2p", "nokia/n8-00")

    origin = profile.origin("limit_bytes")
    assert origin is not None
    assert profile.limit_bytes == 614_400
    assert any("1,228,800" in text for text in origin.competing)


def test_the_data_fits_in_the_wheel():
    assert sum(file.stat().st_size for file in SHIPPED.rglob("*") if file.is_file()) <= 3_000_000


def test_a_number_that_lost_is_kept_beside_the_one_that_holds():
    origin = load_profile("us/att", "long_code", "apple/iphone").origin("limit_bytes")

    assert origin is not None
    assert any("675,000" in text and "plivo" in text for text in origin.competing)
    assert any("1,530,843" in text and "sinch" in text for text in origin.competing)


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        ("us/att", ("carrier",)),
        ("gb/ee", ("carrier",)),
        ("apple/iphone", ("device",)),
        ("nokia/6300", ("device",)),
        ("oma/text", ("class",)),
        ("no/one", ()),
        ("nonsense", ()),
    ],
)
def test_a_bare_key_is_known_for_what_it_is(key, kinds):
    assert kinds_of(key) == kinds


@pytest.mark.skipif(not TABLES.is_dir(), reason="the researched tables are not beside the corpus")
def test_the_generator_writes_the_shipped_files_again(tmp_path):
    for name, room in (("carriers", generate_carriers), ("devices", generate_devices)):
        (tmp_path / name).mkdir()
        room.generate(TABLES, tmp_path / name)
        made = {f.relative_to(tmp_path): f.read_bytes() for f in (tmp_path / name).rglob("*") if f.is_file()}
        kept = {f.relative_to(SHIPPED): f.read_bytes() for f in (SHIPPED / name).rglob("*") if f.is_file()}
        assert made == kept


def test_file_names_and_content_agree():
    assert all(str(read_toml(SHIPPED / KINDS[kind] / f"{key}.toml").get("key", key)) == key for kind, key in FILES)
