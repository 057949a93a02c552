"""What a Nextcloud answers about moves, uploads in pieces, searches and tags, for the fake of it."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

from servers import nextcloud_xml as xml
from servers.nextcloud_files import HTML, XML, Answer, Files, Refuse, Request
from servers.nextcloud_tree import Node, composed

__all__ = ["Dav"]

_D, _OC = "{DAV:}", "{http://owncloud.org/ns}"


class Dav(Files):
    """All that is below ``/remote.php/dav``."""

    def answer(self, request: Request) -> Answer:
        """Whatever was asked; ``Refuse`` when it says no."""
        part = request.path.split("/")[0]
        methods: Mapping[tuple[str, str], Callable[[Request], Answer]] = {
            ("files", "OPTIONS"): self.options,
            ("files", "GET"): self.get,
            ("files", "HEAD"): self.get,
            ("files", "PUT"): self.put,
            ("files", "DELETE"): self.delete,
            ("files", "MKCOL"): self.mkcol,
            ("files", "MOVE"): self.move,
            ("files", "COPY"): self.copy,
            ("files", "PROPFIND"): self.propfind,
            ("files", "REPORT"): self.report,
            ("files", "LOCK"): self.lock,
            ("files", "UNLOCK"): self.lock,
            ("uploads", "MKCOL"): self.mkcol,
            ("uploads", "PUT"): self.piece,
            ("uploads", "MOVE"): self.assemble,
            ("uploads", "DELETE"): self.delete,
            ("", "SEARCH"): self.search,
            ("systemtags", "PROPFIND"): self.tags,
            ("systemtags", "POST"): self.create_tag,
            ("systemtags-assigned", "PROPFIND"): self.assigned,
            ("systemtags-relations", "PROPFIND"): self.relations,
            ("systemtags-relations", "PUT"): self.assign,
            ("systemtags-relations", "DELETE"): self.unassign,
        }
        if (part, request.method) not in methods:
            raise Refuse(501, "NotImplemented", f"There was no plugin in the system that was willing to handle {request.method}")
        return methods[part, request.method](request)

    # ----------------------------------------------------------------------------------------------------------------- moves

    def move(self, request: Request) -> Answer:
        """As Sabre looks at it: If-Match, where to, then the file."""
        with self.tree.guard:
            user, path = self.user_path(request.path)
            node = self.tree.find(user, path)
            self.check_if(request, node)
            parent, name, there = self.destination(request)
            if node is None:
                raise self.not_found(path)
            if node.locked_by:
                raise self.user_lock(node)
            if self.tree.locked(node):
                raise Refuse(500, "OCP\\Lock\\LockedException", f'"{self.lock_name(node)}" is locked')
            if name.endswith((".part", ".filepart")):
                raise Refuse(400, "OCA\\DAV\\Connector\\Sabre\\Exception\\InvalidPath", f'"{name}" is a forbidden file extension')
            self.allow_name(name, uploading=False)
            if there is not None and there is not node:
                self.tree.delete(there)
            self.tree.attach(node, parent, name)
            return self.placed(node, new=there is None)

    def check_if(self, request: Request, node: Node | None) -> None:
        """If-Match and If."""
        self.check_matches(request, node)
        condition = request.headers.get("If", "")
        if condition and (node is None or f'["{node.etag}"]' not in condition):
            why = f"Failed to find a valid token/etag combination for {request.path}"
            raise Refuse(412, "PreconditionFailed", why, "If")

    def destination(self, request: Request) -> tuple[Node, str, Node | None]:
        """Folder, name, and what lies there; only with Overwrite T (the default) anything may."""
        said, overwrite = request.headers.get("Destination"), request.headers.get("Overwrite", "T").upper()
        if said is None:
            more = "For more details, please refer to the logs, which provide additional context about the type error."
            if self.version >= 29:
                raise Refuse(500, "TypeError\\", f"A type error occurred. {more}")
            raise Refuse(400, "BadRequest", "The destination header was not supplied")
        if overwrite not in ("T", "F"):
            raise Refuse(400, "BadRequest", "The HTTP Overwrite header should be either T or F")
        path = composed(unquote(urlsplit(said).path))
        if not path.startswith(f"{self.here}/files/"):
            raise Refuse(403, "Forbidden", f"Requested uri ({path}) is out of base uri ({self.here}/)")
        user, target = self.user_path(path.removeprefix(f"{self.here}/").strip("/"))
        if path.removeprefix(self.here).strip("/") == request.path:
            raise Refuse(403, "Forbidden", "Source and destination uri are identical.")
        folder, _, name = target.rpartition("/")
        parent = self.tree.find(user, folder)
        if parent is None or not parent.folder:
            raise Refuse(409, "Conflict", "The destination node is not found")
        there = parent.children.get(name.removesuffix(".filepart").removesuffix(".part"))
        if there is not None and overwrite == "F":
            why = "The destination node already exists, and the overwrite header is set to false"
            raise Refuse(412, "PreconditionFailed", why, "Overwrite")
        return parent, name, there

    def placed(self, node: Node, *, new: bool) -> Answer:
        """It lies there now."""
        etag = {} if node.folder else {"OC-ETag": f'"{node.etag}"', "ETag": f'"{node.etag}"'}
        return Answer(201 if new else 204, etag | {"OC-FileId": node.long_id} | ({"Content-Type": HTML} if new else {}))

    def copy(self, request: Request) -> Answer:
        """A file; the copy has a number of its own and no tags."""
        with self.tree.guard:
            node = self.there(request)
            self.check_matches(request, node)
            parent, name, there = self.destination(request)
            if there is not None:
                self.tree.delete(there)
            blob = self.tree.blob()
            shutil.copyfile(node.blob, blob)
            return self.placed(self.tree.write(parent, name, blob, node.modified, node.checksum), new=there is None)

    def lock(self, request: Request) -> Answer:
        """By a person (files_lock); only there from 34 on."""
        if self.version < 29:
            raise Refuse(501, "NotImplemented", "Locking is not available")
        with self.tree.guard:
            node = self.there(request)
            if node.locked_by not in ("", request.user):
                raise Refuse(423, "Locked", locked=request.path)
            node.locked_by = request.user if request.method == "LOCK" else ""
            self.tree.touch(node)
        locked = f"<nc:lock>{'1' if node.locked_by else ''}</nc:lock>"
        return Answer(
            200, {"Content-Type": XML}, f'<d:prop xmlns:d="DAV:" xmlns:nc="http://nextcloud.org/ns">{locked}</d:prop>'.encode()
        )

    # --------------------------------------------------------------------------------------------------- uploads in pieces

    def piece(self, request: Request) -> Answer:
        """One of an upload; kept only whole."""
        folder, _, name = request.path.rpartition("/")
        if folder not in self.uploads:
            raise Refuse(404, "NotFound", f"File with name {name} could not be located")
        blob = self.tree.blob()
        with open(blob, "wb") as file:
            file.writelines(request.pieces())
        known = name in self.uploads[folder]
        self.uploads[folder][name] = blob
        return Answer(204 if known else 201, {"Content-Type": HTML})

    def assemble(self, request: Request) -> Answer:
        """All pieces, in their order, become the file at once: it keeps its number and tags."""
        folder = request.path.rpartition("/")[0]
        pieces = self.uploads.get(folder)
        if pieces is None:
            raise Refuse(404, "NotFound", f"File with name //{folder.rpartition('/')[2]} could not be located")
        with self.tree.guard:
            parent, name, there = self.destination(request)
            if there is not None and (there.folder or self.tree.locked(there) or there.locked_by):
                raise Refuse(500, "OCP\\Lock\\LockedException", f'"{self.lock_name(there)}" is locked')
            self.allow_name(name, uploading=True)
            total = request.headers.get("OC-Total-Length")
            size = sum(os.path.getsize(one) for one in pieces.values())
            if total is not None and int(total) != size:
                raise Refuse(400, "BadRequest", f"Chunks on server do not sum up to {total} but to {size} bytes")
            blob = self.tree.blob()
            with open(blob, "wb") as file:
                for _, one in sorted(pieces.items(), key=lambda pair: (len(pair[0]), pair[0])):
                    with open(one, "rb") as some:
                        shutil.copyfileobj(some, file)
                    os.unlink(one)
            del self.uploads[folder]
            said = request.headers.get("X-OC-MTime")
            stored = self.tree.write(parent, name, blob, int(said) if said else None, request.headers.get("OC-Checksum", ""))
        answer = self.placed(stored, new=there is None)
        return Answer(answer.status, answer.headers | ({"X-OC-MTime": "accepted"} if said else {}))

    # -------------------------------------------------------------------------------------------------------------- searching

    def report(self, request: Request) -> Answer:
        """Files of the whole account that have all these tags."""
        body = request.body()
        user = request.path.split("/")[1]
        ids = [int(one.text or 0) for one in ET.fromstring(body).iter(f"{_OC}systemtag")]
        with self.tree.guard:
            if any(one not in self.tree.tags for one in ids):
                raise Refuse(412, "PreconditionFailed", "Cannot filter by non-existing tag")
            found = [one for one in self.tree.root(user).all() if set(ids) <= set(one.tags)]
            return Answer(207, {"Content-Type": XML}, iter([self.listed(user, found, xml.wanted(body), indented=True)]))

    def listed(self, user: str, nodes: list[Node], asked: xml.Wanted, *, indented: bool = False) -> bytes:
        """A multistatus of these."""
        tags = xml.forgetful_tags(self.tree, self.version)
        some = (
            xml.response(self.href(user, one), xml.of_node(one, tags, version=self.version, user=user), asked) for one in nodes
        )
        return xml.multistatus(some, indented=indented)

    def search(self, request: Request) -> Answer:
        """By one or several properties; without a limit at most 100 (28: 500), silently."""
        body = request.body()
        root = ET.fromstring(body)
        scope = next((one.text or "" for one in root.iter(f"{_D}href")), "")
        user, path = self.user_path(composed(unquote(scope)).strip("/"))
        limit = next((int(one.text or 0) for one in root.iter(f"{_D}nresults")), 100 if self.version >= 34 else 500)
        where = next(root.iter(f"{_D}where"))
        if self.version < 34 and any(xml.short(one.tag) == "nc:upload_time" for one in where.iter()):
            raise Refuse(400, "BadRequest", "property '{http://nextcloud.org/ns}upload_time' is not available for search")
        with self.tree.guard:
            top = self.tree.find(user, path)
            found = [one for one in (top.all() if top else ()) if one is not top and all(_holds(rule, one) for rule in where)]
            select = next(root.iter(f"{_D}select"))
            answer = self.listed(user, found[:limit], xml.wanted(ET.tostring(select)))
        return Answer(207, {"Content-Type": 'application/xml; charset="utf-8"'}, iter([answer]))

    # ------------------------------------------------------------------------------------------------------------------- tags

    def tags(self, request: Request) -> Answer:
        """All tags, one, or the files of one."""
        asked = xml.wanted(request.body())
        parts = request.path.split("/")
        slash = "/" if self.version >= 29 else ""
        with self.tree.guard:
            if len(parts) == 1:
                depth = request.headers.get("Depth", "infinity")
                tags = list(self.tree.tags.values()) if depth != "0" else []
                rows = [xml.response(f"{self.here}/systemtags/", {"d:resourcetype": lambda: "<d:collection/>"}, asked)]
                rows += [
                    xml.response(f"{self.here}/systemtags/{one.id}{slash}", xml.of_tag(one, self.tree), asked) for one in tags
                ]
                return self.status_207(request, xml.multistatus(rows))
            tag = self.tree.tags.get(int(parts[1]))
            if tag is None or (len(parts) == 3 and self.version < 34):
                raise Refuse(404, "NotFound", f"Tag with id {parts[1]} not found", DAV=self.features, Vary="Brief,Prefer")
            files = [one for one in self.tree.everything() if tag.id in one.tags]
            props = dict(xml.of_tag(tag, self.tree, files))
            props |= {"nc:object-ids": lambda: xml.object_ids(files), "d:getetag": lambda: f"&quot;{tag.id:032x}&quot;"}
            return self.status_207(request, xml.multistatus([xml.response(f"{self.here}/{request.path}", props, asked)]))

    def create_tag(self, request: Request) -> Answer:
        """Trimmed, cut to 64 characters; 34 refuses one that differs in case only."""
        name = str(json.loads(request.body())["name"]).strip()[:64]
        with self.tree.guard:
            fold = str.casefold if self.version >= 29 else str
            if fold(name) in {fold(one.name) for one in self.tree.tags.values()}:
                raise Refuse(409, "Conflict", "Tag already exists")
            made = self.tree.create_tag(name)
        return Answer(201, {"Content-Location": f"{self.here}/systemtags/{made.id}", "Content-Type": HTML})

    def assigned(self, request: Request) -> Answer:
        """Tags in use, with the number of files."""
        asked = xml.wanted(request.body())
        kind = request.path.removeprefix("systemtags-assigned").strip("/")
        below = f"systemtags-assigned/{kind}" if kind else "systemtags"
        slash = "/" if self.version >= 29 else ""
        with self.tree.guard:
            rows = [xml.response(f"{self.here}/{request.path}/", {}, asked)]
            for tag in self.tree.tags.values():
                files = [one for one in self.tree.everything() if tag.id in one.tags and one.type.startswith(kind)]
                if files:
                    rows.append(xml.response(f"{self.here}/{below}/{tag.id}{slash}", xml.of_tag(tag, self.tree, files), asked))
        return self.status_207(request, xml.multistatus(rows))

    def relations(self, request: Request) -> Answer:
        """The tags of one file; exact."""
        asked = xml.wanted(request.body())
        with self.tree.guard:
            node = self.tagged(request)
            href = f"{self.here}/systemtags-relations/files/{node.id}/"
            rows = [xml.response(href, {"d:resourcetype": lambda: "<d:collection/>"}, asked)]
            for id in sorted(node.tags):
                props = dict(xml.of_tag(self.tree.tags[id], self.tree))
                props["d:getetag"] = f"&quot;{id:032x}&quot;".__str__
                rows.append(xml.response(f"{href}{id}", props, asked))
        return self.status_207(request, xml.multistatus(rows))

    def tagged(self, request: Request) -> Node:
        """The file that it is about."""
        node = self.tree.by_id(int(request.path.split("/")[2]))
        if node is None:
            raise Refuse(404, "NotFound", "Entity does not exist or is not available")
        return node

    def assign(self, request: Request) -> Answer:
        """Again is 409."""
        request.body()
        with self.tree.guard:
            node, tag = self.tagged(request), int(request.path.split("/")[3])
            if tag not in self.tree.tags:
                raise Refuse(412, "PreconditionFailed", f"Tag with id {tag} does not exist, cannot assign")
            if tag in node.tags:
                raise Refuse(409, "Conflict", "PUT is not allowed on non-files.")
            node.tags.append(tag)
        return Answer(201, {"Content-Type": HTML})

    def unassign(self, request: Request) -> Answer:
        """Again is 404."""
        with self.tree.guard:
            node, tag = self.tagged(request), int(request.path.split("/")[3])
            if tag not in node.tags:
                raise Refuse(404, "NotFound", f"Tag with id {tag} not present for object {node.id}")
            node.tags.remove(tag)
        return Answer(204)


def _holds(rule: ET.Element, node: Node) -> bool:
    name = xml.short(rule.tag)
    if name in ("d:and", "d:or"):
        return (all if name == "d:and" else any)(_holds(one, node) for one in rule)
    prop = xml.short(next(iter(rule[0])).tag)
    literal = composed(rule[1].text or "")
    have: dict[str, str | int] = {
        "oc:fileid": node.id,
        "d:displayname": node.name,
        "d:getcontenttype": "httpd/unix-directory" if node.folder else node.type,
        "nc:upload_time": node.uploaded,
        "d:getlastmodified": node.modified,
        "oc:size": node.size,
    }
    value = have[prop]
    if name == "d:like":
        return literal.strip("%").casefold() in str(value).casefold()
    other = int(literal) if isinstance(value, int) else literal
    tests: dict[str, bool] = {
        "d:eq": value == other,
        "d:gt": value > other,  # type: ignore[operator]  # both are of one kind, see above
        "d:gte": value >= other,  # type: ignore[operator]
        "d:lt": value < other,  # type: ignore[operator]
        "d:lte": value <= other,  # type: ignore[operator]
    }
    return tests[name]
