"""Doing a group of deeds when something is in the way."""

import dataclasses
from collections.abc import Sequence

import pytest

from albumen.deeds.reading import sha256
from albumen.errors import Changed, Exists, NotFound, Rejected, Transient, Unavailable
from albumen.model import DISK, Deed, DeedId, DeedState, Proof, Ref
from make.lives import Life, known_places
from make.worlds import LIBRARY, Fault, InMemory, Killed, jpeg, raw, xmp

FOLDER = "2021/07_July/2021-07-01 00-30-00"


def planned(life: Life, *, move: bool = True) -> Sequence[Sequence[DeedId]]:
    """The deeds of everything on the card, kept and not begun."""
    batch = life.engine.begin("import")
    return [one.deeds for one in life.engine.reserve(life.items(batch, move=move), batch)]


def states(ground: InMemory) -> list[DeedState]:
    return [one.state for one in ground.ledger.history().rows]


def a_pair(ground: InMemory) -> None:
    ground.write("raw.cr2", raw("1"))
    ground.write("raw.xmp", xmp("1"))


def test_a_group_is_moved_as_one(ground: InMemory, life: Life) -> None:
    a_pair(ground)
    (deeds,) = planned(life)
    done = life.engine.do(deeds)
    assert [one.state for one in done] == [DeedState.done] * 2
    library = ground.stores[LIBRARY]
    assert library.tree() == {f"{FOLDER}.cr2": raw("1"), f"{FOLDER}.xmp": xmp("1")}
    assert ground.stores[DISK].tree() == {}
    assert [one[1:] for one in known_places(ground.catalog)] == [
        (LIBRARY, f"{FOLDER}.cr2", "main"),
        (LIBRARY, f"{FOLDER}.xmp", "xmp"),
    ]


def test_doing_it_again_changes_nothing(ground: InMemory, life: Life) -> None:
    a_pair(ground)
    (deeds,) = planned(life)
    life.engine.do(deeds)
    before = ground.tree(), known_places(ground.catalog), states(ground)
    life.engine.do(deeds)
    assert (ground.tree(), known_places(ground.catalog), states(ground)) == before


def test_the_order_of_one_move(ground: InMemory, life: Life) -> None:
    """Folder durable before the proof, proof before the catalog, catalog before the source goes, its folder durable before the end."""
    ground.write("one.jpg", jpeg("1"))
    (deeds,) = planned(life)
    life.fault.calls.clear()
    life.engine.do(deeds)
    told = ("nas.commit", "nas.sync", "nas.prove", "catalog.put", "disk.delete", "disk.sync", "ledger.settle")
    assert [one for one in life.fault.calls if one in told] == list(told)


def test_a_persons_file_at_the_target_survives(ground: InMemory, life: Life) -> None:
    """It came after the plan; the whole group stays where it is."""
    a_pair(ground)
    (deeds,) = planned(life)
    ground.stores[LIBRARY].write(f"{FOLDER}.xmp", b"mine")
    with pytest.raises(Exists):
        life.engine.do(deeds)
    assert ground.stores[LIBRARY].tree() == {f"{FOLDER}.xmp": b"mine"}
    assert set(ground.stores[DISK].tree()) == {"card/raw.cr2", "card/raw.xmp"}
    assert states(ground) == [DeedState.dropped] * 2
    assert known_places(ground.catalog) == []


def test_a_persons_file_with_the_very_same_content_survives_too(ground: InMemory, life: Life) -> None:
    a_pair(ground)
    (deeds,) = planned(life)
    ground.stores[LIBRARY].write(f"{FOLDER}.cr2", raw("1"))
    ground.stores[LIBRARY].write(f"{FOLDER}.xmp", b"mine")
    with pytest.raises(Exists):
        life.engine.do(deeds)
    assert ground.stores[LIBRARY].tree() == {f"{FOLDER}.cr2": raw("1"), f"{FOLDER}.xmp": b"mine"}


def test_a_name_that_is_taken_is_planned_anew(ground: InMemory, life: Life) -> None:
    """S0-26 (part: a name taken by a person between plan and do)."""
    ground.write("one.jpg", jpeg("1"))
    batch = life.engine.begin("import")
    life.place(life.items(batch, move=True), batch)
    ground.stores[LIBRARY].write(f"{FOLDER}.jpg", b"mine")
    life.jobs.run(life.pipeline)
    assert ground.stores[LIBRARY].tree() == {f"{FOLDER}.jpg": b"mine", f"{FOLDER}_1.jpg": jpeg("1")}
    assert ground.stores[DISK].tree() == {}


def test_a_source_that_changed_is_not_taken(ground: InMemory, life: Life) -> None:
    a_pair(ground)
    (deeds,) = planned(life)
    life.engine.forget(life.sources(deeds))
    ground.write("raw.xmp", xmp("2"))
    with pytest.raises(Changed):
        life.engine.do(deeds)
    assert ground.stores[LIBRARY].tree() == {}
    assert set(ground.stores[DISK].tree()) == {"card/raw.cr2", "card/raw.xmp"}
    assert states(ground) == [DeedState.dropped] * 2


def test_a_source_that_changed_after_its_bytes_were_staged_stays(ground: InMemory, life: Life) -> None:
    """What was read is filed; what lies there now is another content and nobody's to take."""
    ground.write("one.jpg", jpeg("1"))
    (deeds,) = planned(life)
    ground.write("one.jpg", jpeg("2"))
    (deed,) = life.engine.do(deeds)
    assert ground.stores[DISK].tree() == {"card/one.jpg": jpeg("2")}
    assert ground.stores[LIBRARY].tree() == {f"{FOLDER}.jpg": jpeg("1")}
    assert "stays" in ground.ledger.history(ids=[deed.id]).rows[0].why


def test_a_source_whose_mode_or_times_only_changed_is_taken(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    (deeds,) = planned(life)
    life.engine.forget(life.sources(deeds))
    ground.write("one.jpg", jpeg("1"), modified=5, mode=0o600)
    (deed,) = life.engine.do(deeds)
    assert deed.state is DeedState.done
    assert ground.stores[DISK].tree() == {}


def test_a_source_that_is_gone_is_dropped(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    (deeds,) = planned(life)
    life.engine.forget(life.sources(deeds))
    ground.stores[DISK].remove("card/one.jpg")
    with pytest.raises(NotFound):
        life.engine.do(deeds)
    assert states(ground) == [DeedState.dropped]


def test_a_source_without_revision_is_taken_by_its_content_only(ground: InMemory, life: Life) -> None:
    """Some stores know no revisions: then nothing but the bytes says that it is the same file."""
    ground.write("one.jpg", jpeg("1"))
    batch = life.engine.begin("import")
    sha = sha256(ground.stores[DISK], "card/one.jpg")
    (deed,) = life.ledger.intend([_by_hand(batch, DISK, "card/one.jpg", LIBRARY, "x.jpg", sha)])

    def changed_after_the_proof(step: str) -> None:
        if step == "catalogued":
            ground.write("one.jpg", jpeg("2"))

    life.trace(changed_after_the_proof)
    life.engine.do([deed.id])
    assert ground.stores[DISK].tree() == {"card/one.jpg": jpeg("2")}


def _by_hand(batch: str, store: str, path: str, to: str, target: str, sha: str) -> Deed:
    return Deed(batch, f"{batch}/{path}", "move", Ref(store, path), Ref(to, target), target_key=target, sha256=sha, group=batch)


def test_a_name_the_store_refuses_fails_the_group_for_good(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    (deeds,) = planned(life)
    ground.stores[LIBRARY].write("2021", b"a file where a folder is needed")
    with pytest.raises(Rejected):
        life.engine.do(deeds)
    assert states(ground) == [DeedState.failed]
    assert ground.stores[DISK].tree() == {"card/one.jpg": jpeg("1")}


class TestProof:
    """The target is read back before the source goes."""

    def lies(self, life: Life, monkeypatch: pytest.MonkeyPatch, ground: InMemory) -> None:
        def prove(path: str) -> Proof:
            return Proof("read", "sha256:" + "0" * 64, 0)

        monkeypatch.setattr(ground.stores[LIBRARY], "prove", prove)

    def test_other_bytes_keep_the_source(self, ground: InMemory, life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
        ground.write("one.jpg", jpeg("1"))
        (deeds,) = planned(life)
        self.lies(life, monkeypatch, ground)
        with pytest.raises(Transient, match="other bytes"):
            life.engine.do(deeds)
        assert ground.stores[DISK].tree() == {"card/one.jpg": jpeg("1")}
        assert ground.stores[LIBRARY].tree() == {}
        assert known_places(ground.catalog) == []

    def test_the_only_copy_is_never_removed(self, ground: InMemory, life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
        """The source went by other hands: bytes that read badly now may read well tomorrow."""
        ground.write("one.jpg", jpeg("1"))
        (deeds,) = planned(life)
        self.lies(life, monkeypatch, ground)
        life.trace(lambda step: ground.stores[DISK].remove("card/one.jpg") if step == "placed" else None)
        with pytest.raises(Transient):
            life.engine.do(deeds)
        assert ground.stores[LIBRARY].tree() == {f"{FOLDER}.jpg": jpeg("1")}

    def test_a_file_put_there_meanwhile_is_not_ours_to_remove(self, ground: InMemory, life: Life) -> None:
        ground.write("one.jpg", jpeg("1"))
        (deeds,) = planned(life)
        library = ground.stores[LIBRARY]
        life.trace(lambda step: library.write(f"{FOLDER}.jpg", b"edited") and None if step == "placed" else None)
        with pytest.raises(Transient):
            life.engine.do(deeds)
        assert library.tree() == {f"{FOLDER}.jpg": b"edited"}
        assert ground.stores[DISK].tree() == {"card/one.jpg": jpeg("1")}


def test_a_deed_is_never_left_open_by_an_error_for_good(ground: InMemory, life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """``Changed`` would end its job, and nobody would go on with it."""
    ground.write("one.jpg", jpeg("1"))
    (deeds,) = planned(life)

    def prove(path: str) -> Proof:
        raise Changed("written to while it was read back")

    monkeypatch.setattr(ground.stores[LIBRARY], "prove", prove)
    with pytest.raises(Transient):
        life.engine.do(deeds)
    assert states(ground) == [DeedState.intended]


def test_what_is_given_up_after_the_catalog_knew_it_is_forgotten_there(ground: InMemory) -> None:
    """Killed between catalog and taking; then a person puts a file of his own at a target. Were the record left, the next import
    would call the source a duplicate and take it away."""
    a_pair(ground)
    life = Life(ground, Fault())
    (deeds,) = planned(life)
    killed_before_taking(ground, life, deeds)
    ground.stores[LIBRARY].write(f"{FOLDER}.xmp", b"mine")
    again = Life(ground, Fault())
    assert len(again.engine.recover().groups) == 1
    with pytest.raises(Exists):
        again.engine.do(deeds)
    assert known_places(ground.catalog) == []
    assert ground.catalog.get([one.record for one in ground.ledger.history().rows]) == {}
    assert ground.stores[LIBRARY].tree() == {f"{FOLDER}.xmp": b"mine"}
    assert set(ground.stores[DISK].tree()) == {"card/raw.cr2", "card/raw.xmp"}


def killed_before_taking(ground: InMemory, life: Life, deeds: Sequence[DeedId]) -> None:
    """Do the deeds as far as the catalog."""

    def stop(step: str) -> None:
        if step == "catalogued":
            raise Killed

    life.trace(stop)
    with pytest.raises(Killed):
        life.engine.do(deeds)
    assert len(known_places(ground.catalog)) == 2


def test_a_move_inside_a_store_is_taken_back_by_its_inverse(ground: InMemory, life: Life) -> None:
    library = ground.stores[LIBRARY]
    library.write("a.cr2", raw("1"))
    library.write("a.xmp", xmp("1"))
    batch = life.engine.begin("move")
    refs = [library.stat(one).main for one in ("a.cr2", "a.xmp")]
    deeds = [
        dataclasses.replace(
            _by_hand(batch, LIBRARY, one.path, LIBRARY, "b" + one.path[1:], sha256(library, one.path)), source=one
        )
        for one in refs
    ]
    kept = life.ledger.intend(deeds)
    library.write("b.xmp", b"mine")
    with pytest.raises(Exists):
        life.engine.do([one.id for one in kept])
    assert library.tree() == {"a.cr2": raw("1"), "a.xmp": xmp("1"), "b.xmp": b"mine"}
    assert states(ground) == [DeedState.dropped] * 2


def test_a_full_disk_on_the_way_is_no_reason_to_give_up(ground: InMemory) -> None:
    """The same living owner is asked again: it finds what it did (spine K)."""
    ground.write("one.jpg", jpeg("1"))
    life = Life(ground, Fault())
    (deeds,) = planned(life)

    def full(step: str) -> None:
        if step == "placed":
            life.trace(lambda _step: None)
            raise Unavailable(LIBRARY, "the disk is full")

    life.trace(full)
    with pytest.raises(Unavailable):
        life.engine.do(deeds)
    ground.stores[DISK].remove("card/one.jpg")
    (deed,) = life.engine.do(deeds)
    assert deed.state is DeedState.done
    assert states(ground) == [DeedState.done]


def test_a_store_that_is_not_configured_any_more_closes_its_place(ground: InMemory, life: Life) -> None:
    """The job waits: a deed shall not be forgotten because its store is commented out for a day."""
    ground.write("one.jpg", jpeg("1"))
    (deeds,) = planned(life)
    del life.stores[LIBRARY]
    with pytest.raises(Unavailable, match="nas"):
        life.engine.do(deeds)
