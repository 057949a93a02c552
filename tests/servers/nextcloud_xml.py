"""The XML a Nextcloud answers with, for the fake of it: which properties there are, which are 404, and the tags it forgets."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from email.utils import formatdate
from typing import TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from servers.nextcloud_tree import Node, Tag, Tree

__all__ = ["SPACES", "Wanted", "error", "multistatus", "of_node", "of_tag", "response", "shown", "wanted"]

SPACES = {"DAV:": "d", "http://sabredav.org/ns": "s", "http://owncloud.org/ns": "oc", "http://nextcloud.org/ns": "nc"}
_DECLARED = " ".join(f'xmlns:{short}="{name}"' for name, short in SPACES.items())
ALL = (
    "d:getlastmodified", "d:getcontentlength", "d:resourcetype", "d:quota-used-bytes", "d:quota-available-bytes", "d:getetag",
    "d:getcontenttype",
)  # fmt: skip  # what is answered to whom names nothing; those a thing lacks are left out then
Wanted: TypeAlias = Sequence[str] | None  # None = all
Known: TypeAlias = Mapping[str, Callable[[], str | None]]


def wanted(body: bytes) -> Wanted:
    """The properties that a PROPFIND, REPORT or SEARCH asks for."""
    if not body:
        return None
    prop = next(ET.fromstring(body).iter("{DAV:}prop"), None)
    return None if prop is None else [short(one.tag) for one in prop]


def short(tag: str) -> str:
    """``{DAV:}getetag`` → ``d:getetag``."""
    space, _, name = tag.removeprefix("{").rpartition("}")
    return f"{SPACES.get(space, 'x')}:{name}"


def shown(path: str) -> str:
    """As this server escapes an address: small letters in the escapes."""
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), quote(path, safe="/()"))


def multistatus(responses: Iterable[str], *, indented: bool = False) -> bytes:
    """A whole answer."""
    inside = "".join(responses)
    if indented:
        inside = re.sub(r"(<(?!/))", r"\n \1", inside)
    end = f">{inside}</d:multistatus>" if inside else "/>"
    return f'<?xml version="1.0"?>\n<d:multistatus {_DECLARED}{end}\n'.encode()


def response(href: str, props: Known, asked: Wanted) -> str:
    """One thing: what it has as 200, what it lacks as 404."""
    have, lack = [], []
    for name in ALL if asked is None else asked:
        text = props[name]() if name in props else None
        if text is None:
            lack.append(f"<{name}/>")
        else:
            have.append(f"<{name}>{text}</{name}>" if text or name in EMPTY_PAIRS else f"<{name}/>")
    stats = [("200 OK", have), ("404 Not Found", [] if asked is None else lack)]
    inside = "".join(
        f"<d:propstat><d:prop>{''.join(some)}</d:prop><d:status>HTTP/1.1 {status}</d:status></d:propstat>"
        for status, some in stats
        if some
    )
    return f"<d:response><d:href>{shown(href)}</d:href>{inside}</d:response>"


EMPTY_PAIRS = ("oc:downloadURL", "nc:download-url-expiration", "nc:lock")


def of_node(node: Node, tags: Callable[[Node], str | None], *, version: int, user: str) -> Known:
    """What can be asked of a file or folder."""
    both: dict[str, Callable[[], str | None]] = {
        "d:resourcetype": lambda: "<d:collection/>" if node.folder else "",
        "d:getlastmodified": lambda: formatdate(node.modified, usegmt=True),
        "d:creationdate": lambda: "1970-01-01T00:00:00+00:00",
        "d:getetag": lambda: escape(f'"{node.etag}"', {'"': "&quot;"}),
        "oc:size": lambda: str(sum(one.size for one in node.all())),
        "oc:id": lambda: node.long_id,
        "oc:fileid": lambda: str(node.id),
        "oc:permissions": lambda: "RGDNVCK" if node.folder else "RGDNVW",
        "oc:share-types": lambda: "",
        "oc:favorite": lambda: "1" if node.favourite else "0",
        "oc:owner-id": lambda: user,
        "nc:system-tags": lambda: tags(node),
        "nc:mount-type": lambda: "",
        "nc:is-mount-root": lambda: "false" if version >= 29 else None,
    }
    if node.folder:
        used = {"d:quota-used-bytes": both["oc:size"], "d:quota-available-bytes": lambda: "-3"}
        return both | used | {"nc:is-encrypted": lambda: "0"}
    checksums = f"<oc:checksum>{escape(node.checksum)}</oc:checksum>" if node.checksum else None
    return both | {
        "d:getcontentlength": lambda: str(node.size),
        "d:getcontenttype": lambda: node.type,
        "oc:checksums": lambda: checksums,
        "oc:downloadURL": lambda: "",
        "nc:download-url-expiration": lambda: "" if version >= 29 else None,
        "nc:upload_time": lambda: str(node.uploaded),
        "nc:creation_time": lambda: "0",
        "nc:lock": lambda: ("1" if node.locked_by else "") if version >= 29 else None,
        "nc:lock-owner": lambda: node.locked_by or None,
    }


def forgetful_tags(tree: Tree, version: int) -> Callable[[Node], str | None]:
    """``nc:system-tags`` of one request, with the server's fault: it joins those of the file's tags that it knows already, by their place (0, 1, 2 …), with those it
    fetches (by their number), so that a tag is lost whose number equals the place of a known one. Exact for a single file."""
    known: dict[int, Tag] = {}

    def tags(node: Node) -> str | None:
        if version < 28:
            return None
        found = {at: known[id] for at, id in enumerate(sorted(node.tags)) if id in known}
        fetched = {id: tree.tags[id] for id in node.tags if id not in known}
        known.update(fetched)
        for id, tag in fetched.items():
            found.setdefault(id, tag)
        return "".join(_tag(one, version) for one in sorted(found.values(), key=lambda tag: _natural(tag.name)))

    return tags


def _tag(tag: Tag, version: int) -> str:
    colour = ' nc:color=""' if version >= 31 else ""
    rights = f'oc:can-assign="true" oc:id={quoteattr(str(tag.id))} oc:user-assignable="true" oc:user-visible="true"'
    return f"<nc:system-tag {rights}{colour}>{escape(tag.name)}</nc:system-tag>"


def of_tag(tag: Tag, tree: Tree, files: Sequence[Node] = ()) -> Known:
    """What can be asked of a tag."""
    return {
        "oc:id": lambda: str(tag.id),
        "oc:display-name": lambda: escape(tag.name),
        "oc:user-visible": lambda: "true",
        "oc:user-assignable": lambda: "true",
        "oc:can-assign": lambda: "true",
        "d:resourcetype": lambda: "",
        "nc:files-assigned": lambda: str(len(files)) if files else None,
        "nc:reference-fileid": lambda: str(files[0].id) if files else None,
    }


def object_ids(files: Iterable[Node]) -> str:
    """The value of ``nc:object-ids``."""
    return "".join(f"<nc:object-ids><nc:id>{one.id}</nc:id><nc:type>files</nc:type></nc:object-ids>" for one in files)


def error(exception: str, message: str, header: str = "", locked: str = "") -> bytes:
    """The body of an error. ``header``: which precondition failed; ``locked``: the path that somebody has locked."""
    more = f"\n  <s:header>{header}</s:header>" if header else ""
    if locked:
        more += f"\n  <d:lock-token-submitted>\n    <d:href>{shown(locked)}</d:href>\n  </d:lock-token-submitted>"
    said = f"<s:message>{escape(message)}</s:message>" if message else "<s:message/>"
    opening = '<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns">'
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n{opening}\n  <s:exception>{exception}</s:exception>\n  {said}{more}\n</d:error>\n'
    ).encode()


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(one), "") if one.isdigit() else (1, 0, one.casefold()) for one in re.findall(r"\d+|\D+", name)]
