"""The contract of ``Store`` and, for stores that have them, of its optional abilities."""

import hashlib
import threading
from typing import BinaryIO, cast

import pytest

from albumen.errors import AlbumenError, Changed, Exists, NotFound, Rejected, Transient
from albumen.model import Content
from albumen.ports import Store
from albumen.testing.contracts_store_abilities import AbilitiesContract
from albumen.testing.contracts_store_base import SIZES, TIME, Breaking, Trickle, pattern
from albumen.testing.stores import content


class StoreContract(AbilitiesContract):
    """Subclass as ``class TestMine(StoreContract)`` and implement ``make``: an empty store, made anew for each test."""

    # ------------------------------------------------------------------------------------------------------- put and look

    def test_what_was_put_is_there_with_its_size_time_and_digest(self, store: Store) -> None:
        item = store.put(self.at("2024/a b/é.jpg"), content(b"hello", modified=TIME))
        assert item.main.store == store.name
        assert item.main.path == self.at("2024/a b/é.jpg")
        assert item.main.size == 5
        assert item.digests
        assert item.main == store.stat(self.at("2024/a b/é.jpg")).main
        assert self.bytes_of(store, "2024/a b/é.jpg") == b"hello"
        if self.keeps_times:
            assert item.main.modified is not None
            assert item.main.modified // self.grain == TIME // self.grain

    @pytest.mark.parametrize("size", SIZES)
    def test_bytes_of_every_size_come_back(self, store: Store, size: int) -> None:
        data = pattern(size)
        item = store.put(self.at("x"), content(data), expect={"sha256": hashlib.sha256(data).hexdigest()})
        assert item.main.size == size
        assert self.bytes_of(store, "x") == data

    def test_a_source_that_gives_little_at_a_time_is_read_to_its_end(self, store: Store) -> None:
        data = pattern(200_001)
        store.put(self.at("x"), Content(lambda: cast("BinaryIO", Trickle(data))))
        assert self.bytes_of(store, "x") == data

    def test_a_taken_name_is_never_overwritten(self, store: Store) -> None:
        store.put(self.at("x"), content(b"old"))
        with pytest.raises(Exists):
            store.put(self.at("x"), content(b"new"))
        assert self.bytes_of(store, "x") == b"old"

    def test_a_folder_takes_its_name_too(self, store: Store) -> None:
        store.put(self.at("f/x"), content(b"old"))
        with pytest.raises((Exists, Rejected)):
            store.put(self.at("f"), content(b"new"))
        with pytest.raises((Exists, Rejected)):
            store.put(self.at("f/x/y"), content(b"new"))
        assert self.listed(store) == ["f/x"]
        with pytest.raises(NotFound):
            store.stat(self.at("f"))

    def test_of_many_who_put_one_name_at_once_exactly_one_wins(self, store: Store) -> None:
        won: list[bytes] = []
        lost: list[AlbumenError] = []
        start = threading.Barrier(4)

        def run(data: bytes) -> None:
            start.wait()
            try:
                store.put(self.at("d/x"), content(data))
                won.append(data)
            except Exists as error:
                lost.append(error)

        threads = [threading.Thread(target=run, args=(b"%d" % number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(won), len(lost)) == (1, 3)
        assert self.bytes_of(store, "d/x") == won[0]

    def test_only_the_named_revision_is_replaced(self, store: Store) -> None:
        first = store.put(self.at("x"), content(b"one"))
        second = store.put(self.at("x"), content(b"two"), replace=first.main.rev)
        assert self.bytes_of(store, "x") == b"two"
        assert second.main.rev != first.main.rev
        with pytest.raises(Exists):
            store.put(self.at("x"), content(b"three"), replace=first.main.rev)
        assert self.bytes_of(store, "x") == b"two"
        assert self.listed(store) == ["x"]

    def test_what_is_not_there_cannot_be_replaced(self, store: Store) -> None:
        rev = store.put(self.at("x"), content(b"one")).main.rev
        store.delete(self.at("x"), rev=rev)
        with pytest.raises(NotFound):
            store.put(self.at("x"), content(b"two"), replace=rev)
        assert self.listed(store) == []

    def test_other_bytes_than_expected_are_not_stored(self, store: Store) -> None:
        with pytest.raises(Changed):
            store.put(self.at("x"), content(b"bad"), expect={"sha256": hashlib.sha256(b"good").hexdigest()})
        with pytest.raises(NotFound):
            store.stat(self.at("x"))
        assert self.listed(store) == []

    def test_a_source_that_breaks_leaves_nothing(self, store: Store) -> None:
        with pytest.raises(Transient):
            store.put(self.at("x"), Content(lambda: cast("BinaryIO", Breaking(b"some bytes"))))
        assert self.listed(store) == []
        store.put(self.at("x"), content(b"whole"))
        assert self.bytes_of(store, "x") == b"whole"

    # --------------------------------------------------------------------------------------------------------- open, delete

    def test_reading_begins_where_asked(self, store: Store) -> None:
        store.put(self.at("x"), content(b"0123456789"))
        with store.open(self.at("x"), start=4) as stream:
            assert stream.read(100) == b"456789"
        with store.open(self.at("x"), start=10) as stream:
            assert stream.read(100) == b""

    def test_an_old_revision_is_neither_read_nor_deleted(self, store: Store) -> None:
        first = store.put(self.at("x"), content(b"one"))
        store.put(self.at("x"), content(b"two!"), replace=first.main.rev)
        with pytest.raises(Changed):
            store.open(self.at("x"), rev=first.main.rev)
        with pytest.raises(Changed):
            store.delete(self.at("x"), rev=first.main.rev)
        assert self.bytes_of(store, "x") == b"two!"

    def test_deleted_is_gone_and_its_name_is_free(self, store: Store) -> None:
        for number in range(2):
            item = store.put(self.at("d/x"), content(b"%d" % number))
            store.delete(self.at("d/x"), rev=item.main.rev)
            assert self.listed(store) == []
        store.put(self.at("d/x"), content(b"once more"))
        store.delete(self.at("d/x"))
        assert self.listed(store) == []

    def test_what_is_not_there_is_not_found(self, store: Store) -> None:
        for path in ("x", "no/x"):
            with pytest.raises(NotFound):
                store.stat(self.at(path))
            with pytest.raises(NotFound):
                store.open(self.at(path))
            with pytest.raises(NotFound):
                store.delete(self.at(path))

    # ---------------------------------------------------------------------------------------------------------------- list

    def test_a_listing_is_of_a_folder_not_of_a_beginning(self, store: Store) -> None:
        for path in ("x", "a/x", "a/b/x", "ab/x"):
            store.put(self.at(path), content(path.encode()))
        assert self.listed(store) == ["a/b/x", "a/x", "ab/x", "x"]
        assert self.listed(store, "a") == ["a/b/x", "a/x"]
        assert self.listed(store, "a/b") == ["a/b/x"]
        assert self.listed(store, "nothing") == []
        assert self.listed(store, "x") == []

    def test_a_listed_item_is_what_stat_says(self, store: Store) -> None:
        store.put(self.at("a/x"), content(b"12345", modified=TIME))
        self.catch_up(store)
        (item,) = store.list(self.at("a"))
        assert item.main == store.stat(self.at("a/x")).main

    def test_what_is_ours_is_listed_only_when_named(self, store: Store) -> None:
        for path in (".albumen/manifest.jsonl", "a/.albumen/m", ".albumen/trash/1/x", "a/x"):
            store.put(self.at(path), content(b"x"))
        assert self.listed(store) == ["a/x"]
        assert self.listed(store, ".albumen/trash") == [".albumen/trash/1/x"]
        assert self.listed(store, "a/.albumen") == ["a/.albumen/m"]

    # --------------------------------------------------------------------------------------------------------------- names

    @pytest.mark.parametrize("path", ["", "/x", "x/", "a//x", "../x", "a/../../x", "./x", "a/.", "a\0b"])
    def test_a_path_that_is_none_is_refused(self, store: Store, path: str) -> None:
        with pytest.raises(Rejected):
            store.put(path, content(b"x"))

    @pytest.mark.parametrize(
        "name", ["\udcff\udcfe.jpg", "new\nline", "tab\t", " blank ", "-rf", "e\u0301", "é", "百年", "'\"$;*"]
    )
    def test_a_name_of_any_bytes_comes_back_as_it_was(self, store: Store, name: str) -> None:
        try:
            item = store.put(self.at(f"d/{name}"), content(b"x"))
        except Rejected:
            return  # a provider may refuse a name, but never change it
        assert item.main.path == self.at(f"d/{name}")
        assert self.listed(store) == [f"d/{name}"]

    def test_a_name_too_long_is_refused(self, store: Store) -> None:
        with pytest.raises(Rejected):
            store.put(self.at("d/" + "x" * 300), content(b"x"))
        with pytest.raises(Rejected):
            store.put(self.at("é" * 150 + "/x"), content(b"x"))
        assert self.listed(store) == []

    def test_equal_keys_are_one_place_and_others_are_not(self, store: Store) -> None:
        for one, two in (("A.jpg", "a.jpg"), ("é.jpg", "e\u0301.jpg"), ("x", "y")):
            store.put(self.at(one), content(b"1"))
            if store.key(self.at(one)) == store.key(self.at(two)):
                assert self.bytes_of(store, two) == b"1"
                with pytest.raises(Exists):
                    store.put(self.at(two), content(b"2"))
            else:
                store.put(self.at(two), content(b"2"))
                assert self.bytes_of(store, one) == b"1"
