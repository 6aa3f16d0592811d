"""Multipart bodies, cut at every place, in every form clients send, and those that are to be refused."""

from __future__ import annotations

import asyncio
import base64

import pytest

from gateway_adapter.api.errors import HttpRefusal, InvalidRequest
from gateway_adapter.api.mms_v1_single import role_of
from gateway_adapter.api.multipart import MultipartLimits, boundary_of, charset_of, iter_parts

# The community SDK's request as it was recorded, shortened.
FORM = (
    b'--d570\r\nContent-Disposition: form-data; name="head"\r\nContent-Type: application/json\r\n\r\n{"to": "1"}\r\n'
    b'--d570\r\nContent-Disposition: form-data; name="text"\r\nContent-Type: text/plain\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n'
    b'--d570\r\nContent-Disposition: form-data; name="media"; filename="picture.png"\r\n'
    b"Content-Type: image/png\r\n\r\n\x89PNG\r\n--d57\r\n\r\n"
    b"\r\n--d570--\r\n"
)
RELATED = (
    b"This is a multi-part message in MIME format.\r\n"
    b"--b\r\nContent-Type: application/json\r\n\r\n{}\r\n"
    b"--b\r\nContent-Type: image/gif\r\nContent-Id: <icon.gif>\r\nContent-Transfer-Encoding: BASE64\r\n\r\n"
    + base64.encodebytes(b"GIF89a" * 20).replace(b"\n", b"\r\n")
    + b"\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Gr=C3=BC=\r\n=C3=9Fe\r\n--b--"
)


async def _stream(body: bytes, step: int):
    for at in range(0, len(body), step):
        yield body[at : at + step]


async def _all(body: bytes, boundary: bytes, step: int, limits: MultipartLimits):
    found = []
    async for part in iter_parts(_stream(body, step), boundary, limits):
        data = b"".join([chunk async for chunk in part.chunks()])
        found.append((part.name, part.media_type, part.file_name, part.content_id, data))
    return found


def read(body: bytes, boundary: bytes = b"d570", step: int = 10_000, limits: MultipartLimits = MultipartLimits()):  # noqa: B008
    return asyncio.run(_all(body, boundary, step, limits))


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 10_000])
def test_a_form_is_read_the_same_however_it_is_cut(step):
    assert read(FORM, step=step) == [
        ("head", "application/json", "", "", b'{"to": "1"}'),
        ("text", "text/plain", "", "", "Grüße".encode()),
        ("media", "image/png", "picture.png", "", b"\x89PNG\r\n--d57\r\n\r\n"),
    ]


@pytest.mark.parametrize("step", [1, 5, 10_000])
def test_mime_parts_come_with_their_transfer_encoding_undone(step):
    parts = read(RELATED, b"b", step)

    assert [(part[1], part[3]) for part in parts] == [
        ("application/json", ""),
        ("image/gif", "icon.gif"),
        ("text/plain", ""),
    ]
    assert parts[1][4] == b"GIF89a" * 20
    assert parts[2][4] == "Grüße".encode()


def test_what_was_not_read_of_a_part_is_passed_over():
    async def names():
        return [part.name async for part in iter_parts(_stream(FORM, 9), b"d570", MultipartLimits())]

    assert asyncio.run(names()) == ["head", "text", "media"]


MANY = b"".join(b'--d570\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' for _ in range(5)) + b"--d570--"
REFUSED = [
    ("body too large", FORM, MultipartLimits(body_bytes=100), HttpRefusal),
    ("too many parts", MANY, MultipartLimits(parts=4), HttpRefusal),
    ("too many headers", FORM.replace(b"\r\nContent-T", b"\r\nA: b\r\nC: d\r\nContent-T"), MultipartLimits(headers=3),
     InvalidRequest),
    ("header too long", FORM.replace(b"picture", b"p" * 5000), MultipartLimits(), InvalidRequest),
    ("no such boundary", FORM.replace(b"d570", b"zzzz"), MultipartLimits(), InvalidRequest),
    ("garbage", b"\x00" * 20_000, MultipartLimits(), InvalidRequest),
    ("cut off", FORM[:-20], MultipartLimits(), InvalidRequest),
    ("empty", b"", MultipartLimits(), InvalidRequest),
    ("no base64", RELATED.replace(b"--b", b"--d570").replace(b"R0lG", b"%%%%"), MultipartLimits(), InvalidRequest),
    ("unknown encoding", RELATED.replace(b"--b", b"--d570").replace(b"BASE64", b"uuencode"), MultipartLimits(),
     InvalidRequest),
]  # fmt: skip


@pytest.mark.parametrize(("body", "limits", "error"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_body_that_breaks_a_cap_or_the_grammar_is_refused_by_name(body, limits, error):
    with pytest.raises(error) as refused:
        read(body, limits=limits, step=1000)

    assert str(refused.value)


def test_a_small_part_has_its_own_cap():
    async def first():
        return await (await anext(iter_parts(_stream(FORM, 50), b"d570", MultipartLimits()))).read(5)

    with pytest.raises(HttpRefusal, match="more than 5 bytes") as refused:
        asyncio.run(first())
    assert refused.value.http == 413


BOUNDARIES = [
    ("multipart/form-data; boundary=d570", b"d570"),
    ('Multipart/Related; type="application/json"; boundary="a b=c"', b"a b=c"),
    ("multipart/mixed;boundary=x;start=y", b"x"),
    ("multipart/alternative; boundary=x", None),
    ("application/json", None),
    ("", None),
]


@pytest.mark.parametrize(("content_type", "boundary"), BOUNDARIES)
def test_the_boundary_is_found_for_the_forms_we_take(content_type, boundary):
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/mixed; boundary=" + "x" * 71])
def test_multipart_without_a_usable_boundary_is_refused(content_type):
    with pytest.raises(InvalidRequest, match="boundary"):
        boundary_of(content_type)


def test_text_without_a_charset_is_utf_8():
    assert charset_of("text/plain") == "utf-8"
    assert charset_of("text/plain; charset=ISO-8859-2") == "iso-8859-2"


ROLES = [
    ("head", "", False, "head"),
    ("text", "text/plain", True, "text"),
    ("smil", "application/xml", True, "smil"),  # what the community SDK calls it
    ("externallyhostedmedia", "application/json", True, "links"),
    ("contentlinks", "", True, "links"),
    ("media", "application/octet-stream", True, "media"),
    ("photo", "image/png", True, "media"),
    ("", "application/json", False, "head"),
    ("", "application/json", True, "links"),
    ("", "application/smil", True, "smil"),
    ("", "text/plain", True, "text"),
    ("", "text/vcard", True, "media"),
    ("", "", True, "media"),
]


@pytest.mark.parametrize(("name", "media_type", "has_head", "role"), ROLES)
def test_a_part_is_known_by_its_name_or_its_type(name, media_type, has_head, role):
    assert role_of(name, media_type, has_head=has_head) == role
