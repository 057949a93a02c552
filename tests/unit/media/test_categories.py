"""Which tags name a folder, and which."""

import random

import pytest

from albumen.media.categories import category, chosen, matching


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("ai:cats", "cats"),
        ("ai: spaced out ", "spaced out"),
        ("ai:a:b", "a:b"),
        ("ai:Bär 🐻", "Bär 🐻"),
        ("ai:Ba\u0308r", "Bär"),
        ("ai:None", "None"),
        ("ai:...", "..."),
        ("ai:..cats", "..cats"),
        ("ai:.hidden", ".hidden"),
        ("ai:ai:cats", "ai:cats"),
        ("ai:👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("ai:می\u200cخواهم", "می\u200cخواهم"),
        ("ai:क्\u200dष", "क्\u200dष"),
        ("ai:10\u00a0km", "10\u00a0km"),
        ("ai:\u3000日本\u3000東京 ", "日本\u3000東京"),
        ("ai:.htaccesses", ".htaccesses"),
        ("ai:" + "x" * 249, "x" * 249),
    ],
)
def test_what_stands_behind_the_colon_is_the_folder(tag: str, name: str) -> None:
    """S1-21 (part: blanks, emoji)."""
    assert category(tag, "ai") == (name, "")


@pytest.mark.parametrize(
    "tag", ["ai:", "ai:  ", "ai:.", "ai:..", "ai: .. ", "ai:a/b", "ai:/", "ai:../x", "ai:a\\b", "ai:a\0b", "ai:a\nb", "ai:.albumen", "ai:\u200b", "ai:" + "x" * 250, "ai:" + "ä" * 125, "ai:.htaccess", "ai:.HtAccess", "ai:.ht\u200daccess", "ai:\u200d", "ai:.\u200c.", "ai:\u200c \u200d", *(f"ai:a{one}b" for one in "\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff\xad\x85\ue000\ufffe\ud800")]
)  # fmt: skip
def test_what_can_be_no_folder_is_refused_with_the_reason(tag: str) -> None:
    """S1-21 (part: ``..``, empty, slashes)."""
    name, why = category(tag, "ai")
    assert name == ""
    assert why.startswith("the tag ")


def test_the_parent_counts_letter_by_letter() -> None:
    """S1-19, the table of what the seed took."""
    tags = ["ai:cats", "AI:cats", "Ai:cats", "kai:cats", "holiday", "ai", "aicats", "ai :cats", " ai:cats", "ai-2:cats", ""]
    assert matching(tags, "ai") == ["ai:cats"]
    assert matching(tags, "AI") == ["AI:cats"]


def test_of_several_the_first_by_name_counts_however_they_come() -> None:
    """S1-20: shuffled 20 times. One that can be no folder is passed over for one that can."""
    tags = ["ai:zoo", "ai:Ärger", "ai:cats", "ai:Dogs", "holiday", "ai:10", "ai:9"]
    for seed in range(20):
        random.Random(seed).shuffle(tags)
        assert chosen(tags, "ai") == ("ai:10", "10", "")
    assert matching(tags, "ai") == ["ai:10", "ai:9", "ai:Dogs", "ai:cats", "ai:zoo", "ai:Ärger"]
    assert chosen(["ai:..", "ai:zoo"], "ai") == ("ai:zoo", "zoo", "")
    assert chosen(["holiday"], "ai") == ("", "", "")
    tag, name, why = chosen(["ai:..", "ai:"], "ai")
    assert (tag, name) == ("", "")
    assert why.count("the tag") == 2
