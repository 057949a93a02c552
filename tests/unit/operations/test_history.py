"""What a person reads of the ledger."""

import pytest

from albumen.errors import NotFound
from albumen.model import Companion, Deed, DeedState, Placement, Record, Ref
from albumen.operations.history import batches, deeds, explain
from albumen.testing import MemoryLedger

NOON = 1_714_737_600 * 10**9  # 2024-05-03 12:00:00 UTC
SHA = "1" * 64


def ledger_at_noon() -> MemoryLedger:
    """A ledger whose clock stands at noon and whose pages are short, so that paging is part of every test."""
    return MemoryLedger(clock=lambda: NOON, page=2)


def a_deed(batch: str, number: int, **fields: object) -> Deed:
    """An import of ``<number>.jpg``, or what ``fields`` say."""
    given: dict[str, object] = {
        "source": Ref("disk", f"in/{number}.jpg"),
        "target": Ref("nas", f"2024/{number}.jpg"),
        "target_key": f"2024/{number}.jpg",
        "verb": "move",
        "sha256": SHA,
    }
    return Deed(batch=batch, key=f"{batch}/{number}", **{**given, **fields})  # type: ignore[arg-type]  # a test's shorthand


def test_batches_are_rows_newest_first() -> None:
    """Each batch tells whether it is open, ended or undone, and its deeds by what became of them."""
    ledger = ledger_at_noon()
    first = ledger.begin("import in", "ann")
    kept = ledger.intend([a_deed(first, number) for number in range(4)])
    ledger.settle([kept[0].id], DeedState.done)
    ledger.settle([kept[1].id], DeedState.failed)
    ledger.settle([kept[2].id, kept[3].id], DeedState.dropped)
    ledger.end(first)
    undo = ledger.begin("undo b1", "ann", undoes=first)
    back = ledger.intend([a_deed(undo, 9, source=kept[0].target, target=kept[0].source, undoes=kept[0].id), a_deed(undo, 10)])
    ledger.settle([back[0].id], DeedState.done)
    third = ledger.begin("import out", "ann")

    rows = batches(ledger)

    assert [(row.id, row.state, row.undoes) for row in rows] == [
        (third, "open", ""),
        (undo, "open", first),
        (first, "undone", ""),
    ]
    assert (rows[1].done, rows[1].undone, rows[1].open) == (1, 0, 1)
    assert (rows[2].done, rows[2].undone, rows[2].failed, rows[2].dropped, rows[2].open) == (1, 1, 1, 2, 0)
    assert (rows[2].begun, rows[2].ended, rows[0].ended) == (NOON, NOON, None)
    assert [row.id for row in batches(ledger, limit=1)] == [third]
    assert batches(ledger, limit=0) == rows


def test_deeds_are_rows_oldest_first() -> None:
    """The deeds of a batch or an item come with places as a person writes them and the batch that undid them."""
    ledger = ledger_at_noon()
    batch = ledger.begin("import in", "ann")
    folder = a_deed(batch, 3, verb="rmdir", source=Ref("disk", "in"), target=Ref("disk", ""))
    kept = ledger.intend([a_deed(batch, 1), a_deed(batch, 2), folder])
    ledger.settle([kept[0].id], DeedState.done)
    ledger.settle([kept[1].id], DeedState.failed, "disk full")
    undo = ledger.begin("undo", "ann", undoes=batch)
    ledger.settle([ledger.intend([a_deed(undo, 9, undoes=kept[0].id)])[0].id], DeedState.done)

    rows = list(deeds(ledger, batch=batch))

    assert [(row.source, row.target) for row in rows] == [
        ("/in/1.jpg", "nas:2024/1.jpg"),
        ("/in/2.jpg", "nas:2024/2.jpg"),
        ("/in", ""),
    ]
    assert [(row.state, row.why, row.undone_in) for row in rows] == [
        ("done", "", undo),
        ("failed", "disk full", ""),
        ("planned", "", ""),
    ]
    assert list(deeds(ledger, batch=batch, item="nas:2024/2.jpg")) == rows[1:2]
    assert list(deeds(ledger, item="disk:in")) == rows[2:]


def test_an_unknown_batch_is_told() -> None:
    """A mistyped batch is an error, not an empty list."""
    with pytest.raises(NotFound, match="there is no batch b7"):
        deeds(ledger_at_noon(), batch="b7")


def test_every_action_on_a_record_is_a_sentence() -> None:
    """Actions on the record, its companions and its places are told once each, in order, with reason and undoing batch."""
    ledger = ledger_at_noon()
    other = "2" * 64
    record = Record(
        id="a" * 32,
        sha256=SHA,
        size=1,
        kind="image",
        type="jpeg",
        name="1.jpg",
        companions=(Companion("xmp", other, 1, "1.xmp"),),
        placements=(Placement("nas", "2024/1.jpg"),),
    )
    one = ledger.begin("import in", "ann")
    trash = a_deed(one, 4, source=Ref("nas", "2024/1.jpg"), target=Ref("nas", ".albumen/trash/b1/2024/1.jpg"), target_key="t")
    unrelated = a_deed(one, 5, sha256="3" * 64)
    given = [a_deed(one, 1, after=record), a_deed(one, 2, verb="copy", sha256=other), a_deed(one, 3), trash, unrelated]
    kept = ledger.intend(given)
    ledger.settle([kept[0].id, kept[3].id], DeedState.done)
    ledger.settle([kept[1].id], DeedState.failed, "disk full")
    ledger.claim([kept[2].id], "ann")
    two = ledger.begin("undo", "ann", undoes=one)
    back = a_deed(two, 6, source=trash.target, target=trash.source, target_key="2024/1.jpg", undoes=kept[3].id)
    ledger.settle([ledger.intend([back])[0].id], DeedState.done)

    assert explain(ledger, record) == [
        "2024-05-03 12:00:00Z b1 moved /in/1.jpg to nas:2024/1.jpg",
        "2024-05-03 12:00:00Z b1 failed to copy /in/2.jpg to nas:2024/2.jpg: disk full",
        "2024-05-03 12:00:00Z b1 began to move /in/3.jpg to nas:2024/3.jpg",
        "2024-05-03 12:00:00Z b1 moved nas:2024/1.jpg to the trash (undone by b2)",
        "2024-05-03 12:00:00Z b2 brought back from the trash nas:2024/1.jpg",
    ]


def test_a_record_without_deeds_has_no_actions() -> None:
    """Nothing is invented for a record the ledger does not know."""
    assert explain(ledger_at_noon(), Record(id="a" * 32, sha256=SHA, size=1, kind="image", type="jpeg", name="x")) == []
