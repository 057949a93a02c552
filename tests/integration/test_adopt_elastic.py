"""The first seed's index on a real Elasticsearch, mapped as that program mapped it."""

import json
import random
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from albumen.errors import NotFound
from albumen.operations.adopting_index import Index
from e2e.command import Home
from make.seed0 import SETTINGS, collection, documents
from servers import elastic
from servers.old_elastic import MAPPING, old_elastic


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running server."""
    with elastic.server(tmp_path_factory.mktemp("server")) as found:
        yield found


def ask(url: str, method: str, path: str, body: bytes | None = None) -> Any:
    asked = urllib.request.Request(
        url + path,
        body,
        {"Content-Type": "application/x-ndjson" if b"\n" in (body or b"") else "application/json"},
        method=method,
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.loads(answer.read())


def filled(url: str, entries: list[dict[str, Any]]) -> str:
    """A new index that holds these."""
    name = f"catalog-{uuid.uuid4().hex[:8]}"
    settings = {"mappings": MAPPING, "settings": {"number_of_replicas": 0}}
    ask(url, "PUT", f"/{name}", json.dumps(settings).encode())
    lines = [text for one in entries for text in ('{"index": {}}', json.dumps(one))]
    done = ask(url, "POST", f"/{name}/_bulk?refresh=true", ("\n".join(lines) + "\n").encode())
    assert not done["errors"], done
    return name


def test_all_of_an_index_of_many_pages_comes_folder_by_folder(url: str) -> None:
    entries = [
        {"path": f"20{at % 20:02}/{at % 12 + 1:02}", "name": f"{at:05}.jpg", "nas": True, "size": at} for at in range(2500)
    ]
    entries += [{"name": "top.jpg", "nas": True}]
    random.Random(1).shuffle(entries)
    before = _open_scrolls(url)
    found = [one.source for one in Index(url, filled(url, entries)).hits()]
    assert len(found) == len(entries)
    assert found == sorted(entries, key=lambda one: ("path" not in one, one.get("path", ""), one["name"]))
    assert _open_scrolls(url) == before


def test_an_index_that_is_not_there_is_told(url: str) -> None:
    with pytest.raises(NotFound, match="has no index called nothing; name it by --index"):
        list(Index(url, "nothing").hits())


def test_it_is_adopted_as_from_the_old_server(url: str, tmp_path: Path) -> None:
    answers = []
    for which in ("new", "old"):
        home = Home(tmp_path / which)
        for name in ("photos", "cloud"):
            (home.path / name).mkdir(parents=True)
        (home.path / "albumen.toml").write_text(SETTINGS)
        entries = collection(home.path)
        if which == "new":
            ran = home.run(
                "adopt", "--from-elasticsearch", url, "--index", filled(url, entries), "--dropbox", "cloud", "-v", code=0
            )
        else:
            with old_elastic(documents(entries)) as server:
                ran = home.run("adopt", "--from-elasticsearch", server.url, "--dropbox", "cloud", "-v", code=0)
        answers.append(sorted(one for one in ran.lines if "in " not in one))
        back = home.run("export", "--as", "seed0", "--dropbox", "cloud", code=0).rows
        assert filled(url, back)  # the original's mapping takes what we export
        keys = ("path", "name", "nas", "dropbox", "size", "hash", "path_hash", "checksum", "type", "kind", "modified")
        assert _sorted([{key: one.get(key) for key in keys} for one in back]) == _sorted(
            [{key: one.get(key) for key in keys} for one in entries]
        )
    assert answers[0] == answers[1]


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda one: one["hash"])


def _open_scrolls(url: str) -> int:
    nodes = ask(url, "GET", "/_nodes/stats/indices/search")["nodes"].values()
    return sum(int(one["indices"]["search"]["open_contexts"]) for one in nodes)
