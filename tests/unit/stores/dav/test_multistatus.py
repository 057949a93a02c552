"""Listings are read as they come, and what is none is never an empty one."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumen.stores.dav.multistatus import Entry, Garbled, entries, http_time

HEAD = b'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:" xmlns:nc="http://nextcloud.org/ns">'
TAIL = b"</D:multistatus>"
OK = b"<D:status>HTTP/1.1 200 OK</D:status>"


def response(href: bytes, *parts: bytes) -> bytes:
    return b"<D:response><D:href>" + href + b"</D:href>" + b"".join(parts) + b"</D:response>"


def propstat(props: bytes, status: bytes = OK) -> bytes:
    return b"<D:propstat><D:prop>" + props + b"</D:prop>" + status + b"</D:propstat>"


FILE = propstat(
    b'<D:resourcetype/><D:getcontentlength>12</D:getcontentlength><D:getetag>W/"a&amp;b"</D:getetag>'
    b"<D:getlastmodified>Sat, 21 Nov 2026 00:22:04 GMT</D:getlastmodified>"
)


def read(*parts: bytes) -> list[Entry]:
    return list(entries([HEAD + b"".join(parts) + TAIL]))


def test_a_file_and_a_folder_are_read_with_what_is_known_of_them() -> None:
    folder = propstat(b"<D:resourcetype><D:collection/></D:resourcetype>")
    assert read(response(b"/x/%C3%A9/", folder), response(b"/x/a.jpg", FILE)) == [
        Entry("/x/%C3%A9/", folder=True),
        Entry("/x/a.jpg", size=12, modified=1795220524 * 10**9, etag='W/"a&b"'),
    ]


def test_only_what_was_found_counts() -> None:
    missing = propstat(b"<D:getetag>no</D:getetag><D:getcontentlength/>", b"<D:status>HTTP/1.1 404 Not Found</D:status>")
    (entry,) = read(response(b"/x", missing, propstat(b"<D:resourcetype/><D:getcontentlength>3</D:getcontentlength>")))
    assert (entry.etag, entry.size, entry.modified) == ("", 3, None)
    (entry,) = read(response(b"/x", missing, FILE, missing))
    assert (entry.etag, entry.size) == ('W/"a&b"', 12)


def test_an_entry_may_only_have_a_status() -> None:
    (entry,) = read(response(b"/x", b"<D:status>HTTP/1.1 423 Locked</D:status>"))
    assert (entry.href, entry.status) == ("/x", 423)


def test_other_properties_come_as_they_are() -> None:
    props = b'<nc:system-tags><nc:system-tag oc:id="7" xmlns:oc="o">ai:cats</nc:system-tag><nc:system-tag/></nc:system-tags>'
    (entry,) = read(response(b"/x", propstat(props + b"<nc:id> 5 </nc:id><D:getcontentlength>3</D:getcontentlength>")))
    tags = entry.extra["http://nextcloud.org/ns system-tags"]
    assert [(one.text, one.attributes) for one in tags.children] == [("ai:cats", {"o id": "7"}), ("", {})]
    assert entry.extra["http://nextcloud.org/ns id"].text == " 5 "
    assert entry.size == 3


def test_servers_choose_their_own_prefixes() -> None:
    text = (
        b'<multistatus xmlns="DAV:"><response xmlns:lp1="DAV:"><href>/x</href><propstat><prop><lp1:getetag>1</lp1:getetag></prop>'
    )
    text += b"<status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"
    assert [one.etag for one in entries([text])] == ["1"]


@given(st.lists(st.integers(1, 400), max_size=20))
def test_it_does_not_matter_how_the_bytes_come(cuts: list[int]) -> None:
    whole = HEAD + response(b"/a", FILE) + response(b"/\xc3\xa9", FILE) + TAIL

    def pieces() -> Iterator[bytes]:
        rest = whole
        for cut in cuts:
            yield rest[:cut]
            rest = rest[cut:]
        yield rest

    assert list(entries(pieces())) == list(entries([whole]))


@pytest.mark.parametrize("end", range(1, len(HEAD + response(b"/a", FILE) + TAIL), 7))
def test_what_ends_early_is_no_shorter_list(end: int) -> None:
    with pytest.raises(Garbled):
        list(entries([(HEAD + response(b"/a", FILE) + TAIL)[:-end]]))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"   ",
        b"<!DOCTYPE html><html><body>Please log in</body></html>",
        b"<html><body>Please log in</body></html>",
        b'{"error": 1}',
        b'<D:prop xmlns:D="DAV:"/>',
        b"<multistatus/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + HEAD[38:] + TAIL,
        HEAD + b"<D:response>" + FILE + b"</D:response>" + TAIL,
        HEAD + response(b"/x", propstat(b"<D:getcontentlength>-1</D:getcontentlength>")) + TAIL,
        HEAD + response(b"/x", propstat(b"<D:getcontentlength>12 MB</D:getcontentlength>")) + TAIL,
        HEAD + response(b"/x", propstat(b"<D:getetag/>", b"<D:status>fine</D:status>")) + TAIL,
        HEAD + b"<a>" * 40 + b"</a>" * 40 + TAIL,
        HEAD + response(b"/" + b"x" * (1 << 21), FILE) + TAIL,
        HEAD + b"&nbsp;" + TAIL,
        b"\xff\xfe" + HEAD,
    ],
)
def test_what_is_no_listing_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(Garbled):
        list(entries([text]))


def test_entities_do_not_multiply() -> None:
    """The laughing list of a billion is refused at its first line."""
    lines = b"".join(b'<!ENTITY l%d "%s">' % (number, b"&l%d;" % (number - 1) * 10) for number in range(1, 10))
    text = (
        b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY l0 "lol">'
        + lines
        + b']><D:multistatus xmlns:D="DAV:">&l9;</D:multistatus>'
    )
    with pytest.raises(Garbled, match="document type"):
        list(entries([text]))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_listing_or_refused(data: bytes) -> None:
    with suppress(Garbled):
        assert all(one.href for one in entries([HEAD, data, TAIL]))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sat, 21 Nov 2026 00:22:04 GMT", 1795220524),
        ("Sat, 21 Nov 2026 01:22:04 +0100", 1795220524),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Mon, 01 Jan 1900 00:00:00 GMT", -2208988800),
        ("yesterday", None),
        ("", None),
        ("Sat, 99 Nov 2026 00:22:04 GMT", None),
    ],
)
def test_times_of_servers(text: str, seconds: int | None) -> None:
    assert http_time(text) == (None if seconds is None else seconds * 10**9)
