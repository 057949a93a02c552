"""The contracts of a store's optional abilities; what it has not is skipped."""

import hashlib

import pytest

from albumen.errors import Changed, Exists, NotFound, Rejected, Transient
from albumen.ports import Exchanges, Folders, Moves, Pings, Proves, Stages, Store, Tags
from albumen.testing.contracts_store_base import SIZES, TIME, StoreTests, pattern
from albumen.testing.stores import content


class AbilitiesContract(StoreTests):
    """``Stages``, ``Proves``, ``Pings``, ``Folders``, ``Moves``, ``Exchanges``, ``Tags``."""

    # -------------------------------------------------------------------------------------------------- Stages, where it has

    def staging(self, store: Store) -> Stages:
        if not isinstance(store, Stages):
            pytest.skip("this store cannot stage")
        return store

    @pytest.mark.parametrize("size", SIZES)
    def test_staging_learns_size_digest_and_both_ends(self, store: Store, size: int) -> None:
        data = pattern(size)
        staged = self.staging(store).stage(content(data), near=self.at("x"))
        assert staged.store == store.name
        assert staged.size == size
        assert staged.digests["sha256"] == hashlib.sha256(data).hexdigest()
        assert staged.head == data[: 64 << 10]
        assert staged.tail == data[-(64 << 10) :]

    def test_staged_bytes_are_not_seen_until_they_get_their_names(self, store: Store) -> None:
        stages = self.staging(store)
        pairs = [(stages.stage(content(name.encode()), near=self.at(f"d/{name}")), self.at(f"d/{name}")) for name in ("x", "y")]
        assert self.listed(store) == []
        items = stages.commit(pairs)
        stages.sync(path for _, path in pairs)
        assert [one.main.path for one in items] == [self.at("d/x"), self.at("d/y")]
        assert [one.main for one in items] == [store.stat(self.at(path)).main for path in ("d/x", "d/y")]
        assert self.bytes_of(store, "d/y") == b"y"

    def test_all_of_a_commit_get_their_names_or_none(self, store: Store) -> None:
        stages = self.staging(store)
        store.put(self.at("taken"), content(b"a person's"))
        names = ("new/x", "taken", "y")
        pairs = [(stages.stage(content(name.encode()), near=self.at(name)), self.at(name)) for name in names]
        with pytest.raises(Exists):
            stages.commit(pairs)
        assert self.listed(store) == ["taken"]
        assert self.bytes_of(store, "taken") == b"a person's"
        stages.commit([(pairs[0][0], self.at("new/x")), (pairs[1][0], self.at("taken_1")), (pairs[2][0], self.at("y"))])
        assert self.listed(store) == ["new/x", "taken", "taken_1", "y"]

    def test_discarded_bytes_are_gone_and_twice_is_harmless(self, store: Store) -> None:
        stages = self.staging(store)
        staged = stages.stage(content(b"x"), near=self.at("x"))
        stages.discard(staged)
        stages.discard(staged)
        with pytest.raises(Transient):  # not NotFound: that would say that the source is gone
            stages.commit([(staged, self.at("x"))])
        assert self.listed(store) == []

    def test_nothing_to_commit_or_sync_is_nothing(self, store: Store) -> None:
        stages = self.staging(store)
        assert list(stages.commit([])) == []
        stages.sync([])

    # -------------------------------------------------------------------------------------------- Proves, Pings, where it has

    @pytest.mark.parametrize("size", SIZES)
    def test_a_proof_is_of_the_bytes(self, store: Store, size: int) -> None:
        if not isinstance(store, Proves):
            pytest.skip("this store cannot prove")
        data = pattern(size)
        store.put(self.at("x"), content(data))
        proof = store.prove(self.at("x"))
        assert proof.method in {"read", "provider"}
        assert proof.digest == "sha256:" + hashlib.sha256(data).hexdigest()
        assert proof.at > 0

    def test_nothing_is_no_proof(self, store: Store) -> None:
        if not isinstance(store, Proves):
            pytest.skip("this store cannot prove")
        with pytest.raises(NotFound):
            store.prove(self.at("x"))

    def test_a_usable_store_answers_a_ping(self, store: Store) -> None:
        if not isinstance(store, Pings):
            pytest.skip("this store cannot be asked")
        store.ping()
        store.put(self.at("x"), content(b"x"))
        store.ping()

    # ------------------------------------------------------------------------------------------------- Folders, where it has

    def foldering(self, store: Store) -> Folders:
        if not isinstance(store, Folders):
            pytest.skip("this store has no folders of its own")
        return store

    def test_a_folder_has_mode_and_time(self, store: Store) -> None:
        folders = self.foldering(store)
        for _ in range(2):
            folders.mkdir(self.at("a/b"), mode=0o750, modified=TIME)
        found = folders.folder(self.at("a/b"))
        assert (found.mode, found.modified) == (0o750, TIME)
        assert list(folders.names(self.at("a"))) == ["b"]
        with pytest.raises(NotFound):
            folders.folder(self.at("a/c"))

    def test_a_folder_is_made_only_where_no_file_is(self, store: Store) -> None:
        folders = self.foldering(store)
        store.put(self.at("x"), content(b"x"))
        with pytest.raises((Exists, Rejected)):
            folders.mkdir(self.at("x"))
        assert self.bytes_of(store, "x") == b"x"

    def test_names_are_of_all_that_lies_in_a_folder(self, store: Store) -> None:
        folders = self.foldering(store)
        store.put(self.at("d/x"), content(b"x"))
        store.put(self.at("d/e/y"), content(b"y"))
        assert sorted(folders.names(self.at("d"))) == ["e", "x"]
        assert list(folders.names(self.at("nothing"))) == []

    def test_only_an_empty_folder_is_removed(self, store: Store) -> None:
        folders = self.foldering(store)
        store.put(self.at("a/b/x"), content(b"x"))
        assert folders.rmdir(self.at("a/b")) is False
        assert self.bytes_of(store, "a/b/x") == b"x"
        store.delete(self.at("a/b/x"))
        assert folders.rmdir(self.at("a")) is False
        assert folders.rmdir(self.at("a/b")) is True
        assert folders.rmdir(self.at("a/b")) is True
        assert folders.rmdir(self.at("a")) is True

    # --------------------------------------------------------------------------------------------------- Moves, where it has

    def moving(self, store: Store) -> Moves:
        if not isinstance(store, Moves):
            pytest.skip("this store cannot move")
        return store

    def test_moved_is_there_and_no_more_here(self, store: Store) -> None:
        moves = self.moving(store)
        old = store.put(self.at("x"), content(b"bytes", modified=TIME))
        new = moves.move(self.at("x"), self.at("d/y"), rev=old.main.rev)
        assert new.main == store.stat(self.at("d/y")).main
        assert (new.main.modified, new.main.size) == (old.main.modified, 5)
        assert self.listed(store) == ["d/y"]

    def test_copied_is_here_and_there(self, store: Store) -> None:
        moves = self.moving(store)
        old = store.put(self.at("x"), content(b"bytes", modified=TIME))
        new = moves.copy(self.at("x"), self.at("d/y"), rev=old.main.rev)
        if self.keeps_times:
            assert new.main.modified == old.main.modified
        assert self.listed(store) == ["d/y", "x"]
        assert self.bytes_of(store, "d/y") == b"bytes"

    @pytest.mark.parametrize("verb", ["move", "copy"])
    def test_neither_replaces_nor_takes_what_was_not_meant(self, store: Store, verb: str) -> None:
        call = getattr(self.moving(store), verb)
        old = store.put(self.at("x"), content(b"one"))
        store.put(self.at("y"), content(b"there"))
        with pytest.raises(Exists):
            call(self.at("x"), self.at("y"))
        store.put(self.at("x"), content(b"two"), replace=old.main.rev)
        with pytest.raises(Changed):
            call(self.at("x"), self.at("z"), rev=old.main.rev)
        with pytest.raises(NotFound):
            call(self.at("nothing"), self.at("z"))
        assert self.listed(store) == ["x", "y"]
        assert (self.bytes_of(store, "x"), self.bytes_of(store, "y")) == (b"two", b"there")

    # ----------------------------------------------------------------------------------------------- Exchanges, where it has

    def exchanging(self, store: Store) -> Exchanges:
        if not isinstance(store, Exchanges):
            pytest.skip("this store cannot exchange")
        return store

    def test_exchanged_files_keep_their_bytes_and_times(self, store: Store) -> None:
        exchanges = self.exchanging(store)
        old = store.put(self.at("x"), content(b"one", modified=TIME))
        new = store.put(self.at("d/y"), content(b"other", modified=TIME + 10**9))
        answer = exchanges.exchange(self.at("x"), self.at("d/y"), rev=old.main.rev, other_rev=new.main.rev)
        assert [one.main for one in answer] == [store.stat(self.at("x")).main, store.stat(self.at("d/y")).main]
        assert (self.bytes_of(store, "x"), self.bytes_of(store, "d/y")) == (b"other", b"one")
        assert [one.main.modified for one in answer] == [TIME + 10**9, TIME]

    def test_what_was_not_meant_is_not_exchanged(self, store: Store) -> None:
        exchanges = self.exchanging(store)
        old = store.put(self.at("x"), content(b"one"))
        new = store.put(self.at("y"), content(b"other"))
        store.put(self.at("y"), content(b"changed"), replace=new.main.rev)
        with pytest.raises(Changed):
            exchanges.exchange(self.at("x"), self.at("y"), rev=old.main.rev, other_rev=new.main.rev)
        with pytest.raises(NotFound):
            exchanges.exchange(self.at("x"), self.at("nothing"))
        assert (self.bytes_of(store, "x"), self.bytes_of(store, "y")) == (b"one", b"changed")

    # ---------------------------------------------------------------------------------------------------- Tags, where it has

    def tagging(self, store: Store) -> Tags:
        if not isinstance(store, Tags):
            pytest.skip("this store has no tags")
        store.put(self.at("a"), content(b"a"))
        return store

    def test_tags_are_assigned_and_removed_one_by_one(self, store: Store) -> None:
        tags = self.tagging(store)
        assert list(tags.tags(self.at("a"))) == []
        for one in ("ai:dogs", "ai:cats", "holiday"):
            tags.assign(self.at("a"), one)
        assert list(tags.tags(self.at("a"))) == ["ai:cats", "ai:dogs", "holiday"]
        tags.unassign(self.at("a"), "ai:cats")
        assert list(tags.tags(self.at("a"))) == ["ai:dogs", "holiday"]

    def test_assigning_and_removing_twice_is_harmless(self, store: Store) -> None:
        tags = self.tagging(store)
        tags.assign(self.at("a"), "x")
        tags.assign(self.at("a"), "x")
        assert list(tags.tags(self.at("a"))) == ["x"]
        tags.unassign(self.at("a"), "x")
        tags.unassign(self.at("a"), "x")
        tags.unassign(self.at("a"), "never was")
        assert list(tags.tags(self.at("a"))) == []

    def test_a_file_that_is_moved_keeps_its_tags(self, store: Store) -> None:
        tags = self.tagging(store)
        if not isinstance(store, Moves):
            pytest.skip("this store cannot move")
        tags.assign(self.at("a"), "x")
        store.move(self.at("a"), self.at("d/b"))
        assert list(tags.tags(self.at("d/b"))) == ["x"]

    def test_tags_of_no_file(self, store: Store) -> None:
        tags = self.tagging(store)
        with pytest.raises(NotFound):
            tags.tags(self.at("none"))
        with pytest.raises(NotFound):
            tags.assign(self.at("none"), "x")
        with pytest.raises(NotFound):
            tags.unassign(self.at("none"), "x")
