"""Names survive the way through an address and back."""

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from albumen.stores.dav.hrefs import child, escaped, origin, path_of, same
from albumen.stores.dav.multistatus import Garbled

NAMES = [
    "#a",
    "?b",
    "a#b?c;d=e&f",
    "50 %",
    "%41",
    "%2F",
    "a+b",
    " x ",
    "ü",
    "u\u0308",
    "百年",
    "😀",
    "'\"<>[]{}|\\^`",
    "...",
    "-",
    "\udcff",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back(name: str) -> None:
    assert path_of("/" + escaped(f"a b/{name}")) == f"a b/{name}"
    assert path_of("http://host:1234/" + escaped(f"a b/{name}") + "/") == f"a b/{name}"


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1).filter(
        lambda one: one not in {".", ".."}
    )
)
def test_any_name_comes_back(name: str) -> None:
    assert path_of("/x/" + escaped(name)) == f"x/{name}"


def test_small_letters_and_needless_escapes_are_the_same_name() -> None:
    assert path_of("/%c3%BC%2djpg") == "ü-jpg"


def test_what_a_server_should_have_escaped_is_taken_as_it_is() -> None:
    assert path_of("/x/a?b#c;d") == "x/a?b#c;d"


@pytest.mark.parametrize("href", ["/x/../y", "/x/%2e%2e/y", "/./x", "/x//y", "/x/%00", "x/y", "", "//", "mailto:x", "/x/%2e%2e"])
def test_what_leads_elsewhere_is_refused(href: str) -> None:
    if href == "//":
        assert path_of(href) == ""
        return
    with pytest.raises(Garbled):
        path_of(href)


def test_what_lies_in_a_folder_has_a_name_there_and_all_else_is_refused() -> None:
    assert child("a/b", "a") == "b"
    assert child("a", "a") == ""
    assert child("b", "") == "b"
    assert child("u\u0308/x", "ü") == "x"
    for path in ("a/b/c", "ab", "b", ""):
        with pytest.raises(Garbled):
            child(path, "a")


def test_forms_of_one_name_are_the_same_place() -> None:
    assert same("ü", "u\u0308")
    assert not same("A", "a")


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://dav.example.org:80/a", "http://dav.example.org"),
        ("https://dav.example.org:443", "https://dav.example.org"),
        ("https://dav.example.org:80", "https://dav.example.org:80"),
        ("http://dav.example.org:8080/a", "http://dav.example.org:8080"),
        ("HTTP://Dav.Example.ORG/A", "http://dav.example.org"),
        ("http://my_nas:/A", "http://my_nas"),
        ("http://[FE80::1]:80/", "http://[fe80::1]"),
        ("http://[::1]:81/", "http://[::1]:81"),
        ("http://Bücher.example:80", "http://xn--bcher-kva.example"),
        ("https://фото.example:444/Ä", "https://xn--n1aalg.example:444"),
    ],
)
def test_a_server_is_named_as_a_request_names_it(url: str, named: str) -> None:
    """Its ``Host`` and our ``Destination``: WsgiDAV and rclone answer 502 to two that differ."""
    assert origin(url) == named
    request = requests.Request("GET", named).prepare()
    assert request.url == f"{named}/"


@pytest.mark.parametrize("host", ["a..example", "x" * 64 + ".example", "☃\u2024.example", "ü" * 64 + ".example"])
def test_what_can_be_no_name_of_a_server_is_told(host: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        origin(f"http://{host}/")
