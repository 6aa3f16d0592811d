"""Profiles as text and as values for people who dispute the numbers."""

from __future__ import annotations

import dataclasses
import json

from mmscontent.profile_files import lint_profiles, list_profiles, load_profile
from mmscontent.profile_files.match import match_profiles
from mmscontent.profile_report import (
    differences,
    explain,
    text_of_catalogue,
    text_of_differences,
    text_of_findings,
    text_of_matches,
    text_of_profile,
)


def test_every_value_is_explained_and_the_limits_come_first():
    rows = explain(load_profile("us/verizon", "toll_free", "apple/iphone"))

    assert [row.field for row in rows[:2]] == ["limit_bytes", "target_bytes"]
    limit = rows[0]
    assert (limit.value, limit.source, limit.date) == ("600,000", "carrier us/verizon route toll_free", "2026-11")
    assert "twilio" in limit.url
    assert any("750,000" in text for text in limit.competing)
    assert {row.field for row in rows} >= {"image.max_long_px", "video.formats", "subject_max_chars", "counts"}


def test_an_explanation_is_json_able():
    rows = explain(load_profile("us/att", "long_code", "nokia/220"))

    again = json.loads(json.dumps([dataclasses.asdict(row) for row in rows]))
    assert again[0]["source"] == "device nokia/220"


def test_the_text_names_value_source_and_what_was_said_against_it():
    text = text_of_profile(load_profile("us/att", "long_code"))

    assert text.startswith("carrier us/att · route long_code\n")
    for part in ("1,000,000", "carrier us/att route long_code", "medium confidence", "against: ", "675,000"):
        assert part in text


def test_notes_stand_at_the_head():
    assert "note: no route was named" in text_of_profile(load_profile("us/att", device="apple/iphone"))
    assert "nothing known" in text_of_profile(load_profile())


def test_a_difference_names_both_values_and_both_sources():
    first, second = (
        load_profile("us/att", "long_code", "apple/iphone"),
        load_profile("us/t-mobile", "long_code", "apple/iphone"),
    )
    found = {row.field: row for row in differences(first, second)}

    assert (found["limit_bytes"].first, found["limit_bytes"].second) == ("1,000,000", "1,500,000")
    assert found["subject_max_chars"].first_source == "carrier us/att"
    assert "image.max_long_px" not in found
    assert "1,500,000  [carrier us/t-mobile route long_code]" in text_of_differences(first, second)
    assert text_of_differences(first, first) == "no difference\n"


def test_the_catalogue_is_one_line_a_profile():
    rows = list_profiles("carrier")
    lines = text_of_catalogue(rows).splitlines()

    assert len(lines) == len(rows)
    assert any("us/t-mobile" in line and "600,000" in line for line in lines)
    assert any("gb/ee" in line and "inherits" in line for line in lines)


def test_matches_say_what_is_only_possible():
    text = text_of_matches(match_profiles(plmn="311480"))

    assert "us/verizon" in text.splitlines()[0]
    assert text.splitlines()[1].startswith("possibly")
    assert text_of_matches(()) == "no match\n"


def test_findings_name_file_and_key(tmp_path):
    file = tmp_path / "carriers" / "xx" / "a.toml"
    file.parent.mkdir(parents=True)
    file.write_text('extends = "xx/none"\n[match]\nplmn = ["12"]\nmvno = ["31148"]\n', encoding="utf-8")
    (tmp_path / "stray.toml").write_text("", encoding="utf-8")
    good = tmp_path / "carriers" / "xx" / "b.toml"
    good.write_text('extends = "zz/any"\n[match]\nplmn = ["12"]\nmvno = ["31148"]\n', encoding="utf-8")
    (tmp_path / "observed.tsv").write_text("nonsense\n", encoding="utf-8")
    alone = tmp_path / "carriers" / "xx" / "c.toml"
    alone.write_text(
        'name = "nothing"\n[image]\nmedia_types = ["image/none"]\nsource = "s"\ndate = "2026"\n', encoding="utf-8"
    )

    findings = lint_profiles(tmp_path)
    text = text_of_findings(findings)

    assert [f.severity for f in findings].count("error") == 2
    for part in (
        "stray.toml",
        "xx/none",
        "'12' is no MCC",
        "gid1=BAE1",
        "observed.tsv line 1",
        "image/none",
        "states no limit",
    ):
        assert part in text
    assert text_of_findings(()) == ""
