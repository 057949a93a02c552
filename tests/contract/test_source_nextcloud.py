"""The source of tagged files keeps the contract on the fake Nextcloud of 34, 28 and 27 (which tells no tags in a listing); it forgets
without a word, so the contract of what is gone is not its own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from albumen.model import Batch, Ref
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.secrets import Secret
from albumen.sources.nextcloud import TaggedSettings, TaggedSource
from albumen.stores.nextcloud.store import NextcloudSettings, NextcloudStore
from albumen.testing.clock import FakeClock
from albumen.testing.contracts_source import Looking, SourceContract
from servers import nextcloud


class TaggedPlace:
    """A folder of an account, in which every file that appears is tagged."""

    def __init__(self, version: int, state: str) -> None:
        self.clock = FakeClock()
        self.server = nextcloud.Server(version, clock=lambda: self.clock() / 1e9)
        self.server.start()
        self._owners = Owners(state)
        settings = NextcloudSettings(self.server.url, "photod", Secret("secret"), root="Photos")
        self.server.mkdir("photod", "Photos/un sorted")
        self.store = NextcloudStore("hub", settings, Context(state, self._owners))
        self._context = Context(state, self._owners, {"hub": self.store}.__getitem__, clock=self.clock)

    def put(self, name: str, data: bytes = b"bytes", *, modified: int | None = None) -> None:
        seconds = None if modified is None else modified // 10**9
        self.server.put("photod", f"Photos/un sorted/{name}", data, tags=["ai:cats"], modified=seconds)

    def remove(self, name: str) -> None:
        self.server.remove("photod", f"Photos/un sorted/{name}")

    def tag(self, name: str, *tags: str) -> None:
        """It has just these tags."""
        self.server.node("photod", f"Photos/un sorted/{name}").tags.clear()
        for one in tags:
            self.server.tag("photod", f"Photos/un sorted/{name}", one)

    def name(self, ref: Ref) -> str:
        return ref.path.removeprefix("un sorted/")

    def source(self) -> TaggedSource:
        return TaggedSource("tagged", TaggedSettings("hub", "/un sorted/"), self._context, monotonic=lambda: self.clock.seconds)

    def rest(self) -> None:
        self.clock.advance(61)

    def close(self) -> None:
        self.store.close()
        self.server.close()
        self._owners.close()


class OnServer(SourceContract):
    """Each test has a server."""

    version: ClassVar[int]

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[TaggedPlace]:
        place = TaggedPlace(self.version, str(tmp_path))
        place.rest()
        yield place
        place.close()

    def test_what_was_set_aside_waits_for_other_bytes(self, place: TaggedPlace, looking: Looking) -> None:  # type: ignore[override]
        """As the contract says, but two things are remembered of each file: its bytes and its tags."""
        place.put("broken.jpg", b"half")
        assert looking.offers(place.source()) == ["broken.jpg"]
        (seen,) = (one for one in looking.memory.all() if one.path == "broken.jpg")
        looking.memory.commit(Batch(seen=(replace(seen, state="aside", why="cannot be read"),)), ())
        assert looking.offers(place.source()) == []
        place.put("broken.jpg", b"whole now")
        assert looking.offers(place.source()) == ["broken.jpg"]

    def test_names_are_bytes(self, place: TaggedPlace, looking: Looking) -> None:  # type: ignore[override]
        """Those that a Nextcloud can have."""
        names = [" blank .jpg", "n" * 246 + ".jpg", "ü.jpg", "50 %.jpg", "%41.jpg", "a#b.jpg", "#c.jpg", "q?x=1.jpg", "?.jpg",
                 "semi;colon.jpg", "a&b+c.jpg", "'\"<>[]{}.jpg", "百年.jpg", "(1).jpg", "…📷.jpg"]  # fmt: skip
        for name in names:
            place.put(name)
        assert sorted(looking.offers(place.source(), looks=4)) == sorted(names)

    # ------------------------------------------------------------------------------------------------------------------ tags

    def test_only_tags_of_that_parent_count(self, place: TaggedPlace, looking: Looking) -> None:
        """S1-19: ``holiday``, ``kai:cats``, ``AI:cats``, ``aicats`` and ``ai`` are other tags; none at all is none."""
        for at, tags in enumerate([("holiday",), ("kai:cats",), ("AI:cats",), ("aicats",), ("ai",), (), ("ai:cats", "holiday")]):
            place.put(f"{at}.jpg")
            place.tag(f"{at}.jpg", *tags)
        place.rest()
        source = place.source()
        assert looking.once(source) == []
        place.rest()
        (event,) = looking.once(source)
        assert (event.item.main.path, event.item.tags) == ("un sorted/6.jpg", ("ai:cats",))
        assert looking.offers(source) == []

    def test_a_tag_that_comes_later_is_noticed_though_no_etag_changes(self, place: TaggedPlace, looking: Looking) -> None:
        """S1-18 (part: files that were there for long)."""
        place.put("a.jpg")
        place.tag("a.jpg")
        source = place.source()
        assert looking.offers(source) == []
        etag = place.server.node("photod", "Photos/un sorted").etag
        place.tag("a.jpg", "holiday")
        assert looking.offers(source) == []
        place.tag("a.jpg", "holiday", "ai:dogs")
        assert looking.offers(source) == ["a.jpg"]
        place.tag("a.jpg", "holiday", "ai:cats")
        assert looking.offers(source) == ["a.jpg"]
        assert place.server.node("photod", "Photos/un sorted").etag == etag

    def test_a_tag_that_was_taken_away_and_given_again_counts_again(self, place: TaggedPlace, looking: Looking) -> None:
        place.put("a.jpg")
        source = place.source()
        assert looking.offers(source) == ["a.jpg"]
        place.tag("a.jpg")
        assert looking.offers(source) == []
        place.tag("a.jpg", "ai:cats")
        assert looking.offers(source) == ["a.jpg"]

    def test_tags_that_can_be_no_folder_are_told_with_the_reason(self, place: TaggedPlace, looking: Looking) -> None:
        """S1-21 (part: ``..``, an empty category, slashes): refused and told; another tag makes it good."""
        tags = ["ai:..", "ai:.", "ai:", "ai:a/b", "ai:/etc", "ai:a\\b", "ai:.albumen", "ai:" + "x" * 300]
        for at, one in enumerate(tags):
            place.put(f"{at}.jpg")
            place.tag(f"{at}.jpg", one)
        source = place.source()
        assert looking.offers(source) == []
        aside = looking.memory.set_aside()
        assert [one.path for one in aside] == [f"{at}.jpg" for at in range(len(tags))]
        assert all(one.state == "aside" and "the tag 'ai:" in one.why for one in aside)
        place.tag("0.jpg", "ai:..", "ai:cats")
        assert looking.offers(source) == ["0.jpg"]
        assert [one.path for one in looking.memory.set_aside()] == [f"{at}.jpg" for at in range(1, len(tags))]

    def test_tagged_folders_are_no_pictures(self, place: TaggedPlace, looking: Looking) -> None:
        """S1-18 (part: folders)."""
        place.server.mkdir("photod", "Photos/un sorted/holiday.jpg")
        place.server.tag("photod", "Photos/un sorted/holiday.jpg", "ai:cats")
        assert looking.offers(place.source()) == []

    def test_what_is_not_reached_is_not_gone(self, place: TaggedPlace, looking: Looking) -> None:
        """Stopped, in maintenance, a login page, half an answer, no folder: ``Unavailable``, and nothing is forgotten."""
        place.put("a.jpg")
        source = place.source()
        assert looking.offers(source) == ["a.jpg"]
        kept = list(looking.memory.all())
        for how in ("stopped", "maintenance", "login", "cut", "folder"):
            if how == "stopped":
                place.server.stop()
            elif how == "maintenance":
                place.server.maintenance = True
            elif how == "folder":
                place.server.tree.attach(place.server.node("photod", "Photos/un sorted"), place.server.node("photod", ""), "away")
            else:
                place.server.fail("PROPFIND", "un sorted", then=how, times=9, size=300)
            with pytest.raises(Exception, match=r"hub|tagged"):  # each says its own reason
                looking.once(source)
            assert list(looking.memory.all()) == kept, how
            place.server.heal()
            if how == "stopped":
                place.server.start()
        place.server.tree.attach(place.server.node("photod", "away"), place.server.node("photod", "Photos"), "un sorted")
        assert looking.offers(source) == []

    @pytest.mark.parametrize("status", [500, 403])
    def test_a_folder_or_file_at_which_the_server_fails_holds_up_nobody(
        self, place: TaggedPlace, looking: Looking, status: int
    ) -> None:
        """It is told, nothing of it is forgotten, and it is asked for again."""
        place.put("bad/a.jpg")
        source = place.source()
        assert looking.offers(source) == ["bad/a.jpg"]
        kept = {one.path for one in looking.memory.all()}
        place.put("b.jpg")
        place.put("worse.jpg")
        place.rest()
        for bad in ("sorted/bad", "worse.jpg") if status == 500 else ("sorted/bad",):
            place.server.fail("PROPFIND", bad, status=status, times=99)
        assert looking.offers(source) == (["b.jpg"] if status == 500 else ["b.jpg", "worse.jpg"])
        assert any("bad" in one for one in source.notes)
        assert kept <= {one.path for one in looking.memory.all()}
        place.server.heal()
        place.rest()
        assert looking.offers(source) == (["worse.jpg"] if status == 500 else [])
        assert source.notes == ()

    def test_what_is_written_this_moment_is_waited_for(self, place: TaggedPlace, looking: Looking) -> None:
        """Its ETag may stay when it is written again within a second."""
        source = place.source()
        assert looking.offers(source) == []
        place.put("a.jpg")
        assert looking.once(source) == []
        place.clock.advance(3)
        assert looking.once(source) == []
        assert source.unsettled() == 2.0
        place.clock.advance(3)
        assert [one.item.main.path for one in looking.once(source)] == ["un sorted/a.jpg"]
        assert source.unsettled() is None

    def test_who_is_still_tagging_is_waited_for(self, place: TaggedPlace, looking: Looking) -> None:
        """A person assigns one tag after the other, and so does an undo: a file is offered once, with all of them."""
        place.put("a.jpg")
        place.tag("a.jpg", "ai:zoo")
        place.rest()
        source = place.source()
        assert looking.once(source) == []
        place.clock.advance(1)
        place.tag("a.jpg", "ai:zoo", "ai:cats")
        place.clock.advance(2)
        assert looking.once(source) == []
        place.clock.advance(3)
        assert [one.item.tags for one in looking.once(source)] == [("ai:cats", "ai:zoo")]
        assert looking.offers(source) == []


class TestOn34(OnServer):
    version = 34

    def test_of_unchanged_files_it_asks_nothing(self, place: TaggedPlace, looking: Looking) -> None:
        """One request a folder, and two for the store itself: S1-18 (part: cost), as the fourth fact of its page asks."""
        for at in range(60):
            place.put(f"s{at % 3}/{at}.jpg")
            place.tag(f"s{at % 3}/{at}.jpg", *(["ai:cats"], ["holiday"], [])[at % 7 % 3])
        source = place.source()
        looking.offers(source)
        before = len(place.server.asked)
        assert looking.once(source) == []
        asked = place.server.asked[before:]
        assert [one.headers.get("Depth") for one in asked].count("1") == 4
        assert len(asked) <= 2 * 4

    def test_a_tag_that_a_listing_forgets_is_there_all_the_same(self, place: TaggedPlace, looking: Looking) -> None:
        """The server's fault with small numbers: the listing tells only ``holiday`` of the second file, whose number is larger."""
        place.server.tree.create_tag("ai:cats", id=1)
        place.server.tree.create_tag("zoo", id=25)
        for name, *tags in (("a.jpg", "zoo"), ("b.jpg", "ai:cats", "zoo")):
            place.put(name)
            place.tag(name, *tags)
        place.rest()
        listed = place.store.listed("un sorted")
        assert listed is not None
        assert [len(one.extra["http://nextcloud.org/ns system-tags"].children) for one in listed.inside.values()] == [1, 1]
        assert looking.offers(place.source()) == ["b.jpg"]


class TestOn28(OnServer):
    version = 28


class TestOn27(OnServer):
    version = 27
    # The pieces are the source's, whatever the server's version, and here each file's tags are asked for one by one: minutes.
    test_many_come_in_pieces = None  # type: ignore[assignment]  # taken out of what is inherited
