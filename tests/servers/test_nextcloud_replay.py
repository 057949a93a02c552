"""The fake Nextcloud answers as real ones were recorded to answer: every recorded request is sent to it, and status, headers and XML are
compared. Numbers and etags may be others, but where the record says the same one twice, so must the fake; dates are the record's own,
since the fake's clock is set by it."""

import base64
import gzip
import http.client
import json
import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from servers import nextcloud
from servers.nextcloud_tree import Node

TRACES = pathlib.Path(__file__).parent / "traces"
DAV, OC, NC = "{DAV:}", "{http://owncloud.org/ns}", "{http://nextcloud.org/ns}"
OURS = {f"{DAV}getetag": "etag", f"{OC}fileid": "file", f"{OC}id": "id", f"{NC}id": "file"}
HEADERS = {"ETag": "etag", "OC-ETag": "etag", "OC-FileId": "id"}
LOGIN = {"right": "photod:secret", "wrong": "photod:guess"}


@dataclass
class Replay:
    """One record against one server. ``same``: what the record calls a thing → what the fake calls it."""

    server: nextcloud.Server
    now: list[float]
    same: dict[tuple[str, str], str] = field(default_factory=dict)

    def run(self, row: dict[str, Any]) -> None:
        self.now[0] = parsedate_to_datetime(row["date"]).timestamp()
        if "while an overwrite is running" in row["label"]:
            with self.server.busy("photod", "Gold/d.jpg"):
                answer, body = self.ask(row)
        else:
            answer, body = self.ask(row)
        wanted = row["answer"]
        assert answer.status == wanted["status"], row["label"]
        self.compare_headers(wanted["headers"], dict(answer.getheaders()), row)
        self.compare_body(wanted.get("body", ""), body, row)
        assert len(body) == wanted.get("length", len(body)), row["label"]

    def ask(self, row: dict[str, Any]) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        target = re.sub(r"(systemtags-relations/files/)(\d+)(?:/(\d+))?", self.relation, row["target"])
        target = re.sub(r"(systemtags/)(\d+)", lambda found: found[1] + self.told("tag", found[2]), target)
        headers = {name: self.translated(name, said) for name, said in row["headers"].items()}
        if row["login"] != "none":
            headers["Authorization"] = "Basic " + base64.b64encode(LOGIN[row["login"]].encode()).decode()
        body = re.sub(r"(<oc:systemtag>)(\d+)", lambda found: found[1] + self.told("tag", found[2]), row.get("body", ""))
        data = body.encode() if body else bytes(row.get("length", 0))
        connection.request(row["method"], target, data or None, headers)
        answer = connection.getresponse()
        read = answer.read()
        connection.close()
        return answer, gzip.decompress(read) if answer.getheader("Content-Encoding") == "gzip" else read

    def relation(self, found: re.Match[str]) -> str:
        return found[1] + self.told("file", found[2]) + (f"/{self.told('tag', found[3])}" if found[3] else "")

    def translated(self, name: str, said: str) -> str:
        if name.lower() in ("if-match", "if-none-match", "if-range"):
            return self.told("etag", said)
        if name == "Destination":
            return said.replace("http://nextcloud.example:80", self.server.url)
        return re.sub(r'\["([0-9a-f]{32})"\]', lambda found: f"[{self.told('etag', f'{chr(34)}{found[1]}{chr(34)}')}]", said)

    def told(self, kind: str, said: str) -> str:
        return self.same.get((kind, said), said)

    def match(self, kind: str, recorded: str, answered: str, where: str) -> None:
        """The same thing, by whatever name; once it has one it keeps it."""
        assert bool(recorded) == bool(answered), where
        if kind == "id":
            assert re.fullmatch(r"\d{8}oc\w{10}", answered), where
            self.match("file", str(int(recorded[:8])), str(int(answered[:8])), where)
        assert self.same.setdefault((kind, recorded), answered) == answered, where

    def compare_headers(self, recorded: dict[str, str], answered: dict[str, str], row: dict[str, Any]) -> None:
        named = {
            "Allow",
            "Content-Encoding",
            "Content-Location",
            "Content-Range",
            "DAV",
            "ETag",
            "Last-Modified",
            "OC-Checksum",
            "OC-ETag",
        }
        named |= {
            "OC-FileId",
            "Transfer-Encoding",
            "WWW-Authenticate",
            "X-NC-OwnerId",
            "X-NC-Permissions",
            "X-OC-MTime",
            "X-User-Id",
        }
        assert named & recorded.keys() == named & answered.keys(), row["label"]
        for name, said in recorded.items():
            where = f"{row['label']}: {name}"
            if name == "Content-Location":
                self.match("tag", said.rpartition("/")[2], answered[name].rpartition("/")[2], where)
            elif name in HEADERS:
                self.match(HEADERS[name], said, answered[name], where)
            elif name == "OC-Checksum":  # told twice to a HEAD, by a slip of the real one
                assert answered[name] in said, where
            elif name != "Content-Length" or row["answer"]["headers"].get("Content-Type") != "application/json; charset=utf-8":
                assert answered.get(name) == said, where

    def compare_body(self, recorded: str, answered: bytes, row: dict[str, Any]) -> None:
        where = row["label"]
        if recorded.startswith("{"):
            known, said = json.loads(recorded), json.loads(answered)
            self.compare_json(known, said, where)
        elif recorded.startswith("<?xml") and "multistatus" in recorded:
            wanted, have = self.responses(recorded), self.responses(answered.decode())
            if "page" in where:
                assert len(wanted) == len(have), where
                return
            self.compare_responses(wanted, have, where)
        elif recorded.startswith("<?xml"):
            message = [(one.tag, self.numbers((one.text or "").strip())) for one in ET.fromstring(recorded).iter()]
            assert [(one.tag, (one.text or "").strip()) for one in ET.fromstring(answered).iter()] == message, where
        else:
            assert answered.decode(errors="replace") == recorded or not recorded, where

    def numbers(self, text: str) -> str:
        """In messages, too, things have the fake's numbers."""
        text = re.sub(r"Tag with id (\d+)", lambda found: f"Tag with id {self.told('tag', found[1])}", text)
        return re.sub(r"for object (\d+)", lambda found: f"for object {self.told('file', found[1])}", text)

    def compare_json(self, recorded: Any, answered: Any, where: str) -> None:
        """All that the fake says, the real one said."""
        if isinstance(answered, dict):
            assert answered.keys() <= recorded.keys(), where
            for key, value in answered.items():
                if key not in ("displayname", "message"):
                    self.compare_json(recorded[key], value, f"{where}: {key}")
        else:
            assert answered == recorded, where

    def responses(self, text: str) -> dict[str, dict[str, tuple[str, ET.Element]]]:
        found = {}
        for one in ET.fromstring(text).iter(f"{DAV}response"):
            href = one.findtext(f"{DAV}href", "")
            assert re.search(r"%[0-9A-F]{2}", href.replace("%20", "").replace("%23", "")) is None or not re.search("%[A-F]", href)
            found[unquote(href)] = {
                prop.tag: (stat.findtext(f"{DAV}status", ""), prop)
                for stat in one.iter(f"{DAV}propstat")
                for prop in stat.findall(f"{DAV}prop/*")
            }
        return found

    def compare_responses(self, wanted: Any, have: Any, where: str) -> None:
        relation = re.compile(r"(systemtags-relations/files/)(\d+)(?:/(\d+))?|(systemtags(?:-assigned/image)?/)(\d+)")

        def renamed(href: str) -> str:
            def name(found: re.Match[str]) -> str:
                return self.relation(found) if found[2] else found[4] + self.told("tag", found[5])

            return relation.sub(name, href)

        assert {renamed(one) for one in wanted} == have.keys(), where
        for href, props in wanted.items():
            answered = have[renamed(href)]
            assert {tag: status for tag, (status, _) in props.items()} == {
                tag: status for tag, (status, _) in answered.items()
            }, f"{where}: {href}"
            for tag, (_, prop) in props.items():
                self.compare_prop(prop, answered[tag][1], f"{where}: {href}: {tag}", tagged="systemtags" in href)

    def compare_prop(self, wanted: ET.Element, have: ET.Element, where: str, *, tagged: bool) -> None:
        kind = "tag" if tagged and wanted.tag == f"{OC}id" else OURS.get(wanted.tag)
        if kind and (wanted.text or "").strip():
            if not (tagged and kind == "etag"):
                self.match(kind, wanted.text or "", have.text or "", where)
            return
        if wanted.tag == f"{DAV}getlastmodified" and wanted.text and have.text:  # the record's clock went on during a request
            assert abs(parsedate_to_datetime(wanted.text) - parsedate_to_datetime(have.text)).total_seconds() <= 1, where
            return
        attributes = {name: self.told("tag", said) if name == f"{OC}id" else said for name, said in wanted.attrib.items()}
        assert (wanted.tag, (wanted.text or "").strip(), attributes) == (
            have.tag,
            (have.text or "").strip(),
            dict(have.attrib),
        ), where
        assert len(wanted) == len(have), where
        for one, other in zip(wanted, have, strict=True):
            self.compare_prop(one, other, where, tagged=tagged)


def rows(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((TRACES / f"nextcloud_{name}.json").read_text())
    return found


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture(params=[34, 28])
def replay(request: pytest.FixtureRequest, now: list[float]) -> Iterator[Replay]:
    with nextcloud.serve(request.param, clock=lambda: now[0]) as server:
        yield Replay(server, now)


def as_it_was(server: nextcloud.Server, record: list[dict[str, Any]]) -> None:
    """The tags, and files that have them, that were there before the record began."""
    by_label = {row["label"]: row for row in record}
    created = int(by_label["create tag"]["answer"]["headers"]["Content-Location"].rpartition("/")[2])
    listed = ET.fromstring(by_label["list tags"]["answer"]["body"])
    for one in listed.iter(f"{DAV}prop"):
        if one.findtext(f"{OC}id") and one.findtext(f"{OC}id") != str(created):
            server.tree.create_tag(one.findtext(f"{OC}display-name") or "", id=int(one.findtext(f"{OC}id") or 0))
    used: dict[int, int] = {}
    for label, kind in (("tags in use on images", "jpg"), ("tags in use", "bin")):
        for one in ET.fromstring(by_label[label]["answer"]["body"]).iter(f"{DAV}prop"):
            id = int(one.findtext(f"{OC}id") or created)
            for at in range(used.get(id, 0), int(one.findtext(f"{NC}files-assigned") or 0) if id != created else 0):
                used[id] = at + 1
                server.put("photod", f"Lib/{at}.{kind}", b"x", tags=[server.tree.tags[id].name])
    server.tree.next_tag = created
    many = server.mkdir("photod", "big10k")
    for at in range(10000):
        server.tree.next_id += 1
        many.children[f"{at}"] = Node(server.tree.next_id, f"{at}", False, 0, "", parent=many)  # as its fields are


def test_all_that_a_mover_asks(replay: Replay) -> None:
    record = rows(f"{replay.server.version}_mover")
    as_it_was(replay.server, record)
    for row in record:
        replay.run(row)
    assert len(record) == {34: 62, 28: 60}[replay.server.version]


def test_conditions_and_ranges(replay: Replay) -> None:
    for row in rows(f"{replay.server.version}_conditions"):
        replay.run(row)


def test_tags_with_small_numbers_are_forgotten_in_listings_and_not_of_one_file(replay: Replay) -> None:
    record = rows(f"{replay.server.version}_forgets_tags")
    first, many = {34: ("ai:cat", 25), 28: ("ai:t00", 21)}[replay.server.version]
    for name, id in ((first, 1), ("ai:t20", many)):
        replay.server.tree.create_tag(name, id=id)
    replay.run(record[0])
    server = replay.server
    for row in record[1:]:
        replay.run(row)
        if row["target"].endswith("b.jpg") and "oc:dDC" in row.get("body", "") and server.version == 28:  # not all was recorded
            for path, name in (("U/a.jpg", "ai:t20"), ("U/b.jpg", first), ("U/b.jpg", "ai:t20")):
                server.tag("photod", path, name)


def test_errors() -> None:
    now = [0.0]
    with nextcloud.serve(34, clock=lambda: now[0]) as server:
        server.mkdir("photod", "Lib")
        replay = Replay(server, now)
        for row in rows("34_errors"):
            server.heal()
            server.maintenance = row["label"] == "maintenance"
            if "disabled" in row["label"]:
                server.disabled.add("photod")
            replay.run(row)
