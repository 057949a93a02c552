"""The fake Vault answers as real ones were recorded to answer: every recorded request is sent to it, status and JSON are compared. Of
what is made up anew each time (ids, tokens, times) only that it is there."""

import http.client
import json
import pathlib
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from servers import vault

TRACES: Mapping[str, Any] = json.loads((pathlib.Path(__file__).parent / "traces" / "vault.json").read_text())
MADE_UP = frozenset(
    {"request_id", "accessor", "entity_id", "uuid", "cluster_id", "server_time_utc", "client_token", "id", "secret_id"}
)
RIGHT = {"secret_id": "secret-1", "jwt": "eyJ.pod.token"}


def prepared(server: vault.Fake, name: str) -> str:
    """The server as it was when this was recorded; the token of the request."""
    for _ in range(3):
        server.put("secret", "photod/dropbox", {"app_key": "k", "app_secret": "s", "refresh_token": "r"})
    server.put("secret", "gone", {"a": "b"})
    server.put("secret", "gone", None)
    server.put("kv1", "photod", {"a": "b"})
    server.hidden.add("forbidden/x")
    server.sealed = "seal" in name
    server.old = name == "no_token"
    known = server.tokens[server.root]
    known.until = time.monotonic() + 3600
    known.renewable = "not_renewable" not in name
    if name == "expired_token":
        known.until = time.monotonic() - 1
    return "no such token" if name == "bad_token" else server.root


@pytest.mark.parametrize("name", TRACES)
def test_it_answers_as_recorded(name: str) -> None:
    with vault.running() as server:
        token = prepared(server, name)
        for row in TRACES[name]:
            asked, wanted = row["request"], row["response"]
            headers = {key: token if value == "<token>" else value for key, value in asked["headers"].items()}
            said = asked["body"] and {key: RIGHT[key] if value == "<redacted>" else value for key, value in asked["body"].items()}
            connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
            connection.request(asked["method"], asked["path"], json.dumps(said) if said is not None else None, headers)
            answer = connection.getresponse()
            data = answer.read()
            assert answer.status == wanted["status"]
            assert answer.headers["Content-Type"] == "application/json"
            if asked["method"] != "HEAD":
                assert steady(json.loads(data)) == steady(wanted["body"])
            connection.close()


def steady(value: Any) -> Any:
    """Without what differs each time."""
    if isinstance(value, dict):
        return {key: "made up" if key in MADE_UP and one else steady(one) for key, one in value.items()}
    return [steady(one) for one in value] if isinstance(value, list) else value


def test_the_records_are_all_there() -> None:
    assert len(TRACES) == 29
