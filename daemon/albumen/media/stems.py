"""What a file is called up to its suffixes: the same stem in one folder may belong together, and must not by accident."""

import re
import unicodedata

from albumen.media.signature import SIDECARS, TYPES

_MEDIA = frozenset(suffix for type, (_, suffixes) in TYPES.items() if type not in SIDECARS for suffix in suffixes)
_TAKEOUT = "supplemental-metadata"
_CUT = "|".join(
    re.escape(_TAKEOUT[:n]) for n in range(len(_TAKEOUT), 0, -1)
)  # Google cuts names at 51 characters, ".json" included
_SUPPLEMENT = re.compile(rf"\.(?:{_CUT})?(\(\d+\))?$", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"(\(\d+\))$", re.ASCII)
_APPLE = re.compile(r"^(IMG_)[EO](\d{4,})", re.IGNORECASE | re.ASCII)
_APPLE_EDIT = re.compile(r"^(IMG_)E(\d{4,}.*)", re.IGNORECASE | re.ASCII)
_EDITED = "edited|effects|bearbeitet|modifié|modificato|bewerkt|edytowane|ha editado|editat|編集済み"  # by the account's language
_GOOGLE_EDIT = re.compile(rf"[-_](?:{_EDITED})(\(\d+\))?$", re.IGNORECASE)  # with "_" the names that we give


def split(name: str) -> tuple[str, str]:
    """(base, lower-case suffix without its dot); the suffix is "" when there is none, and stays in the base when nobody knows it."""
    base, dot, suffix = name.rpartition(".")
    if (dot and base and suffix.lower() in _MEDIA) or (suffix.lower() in SIDECARS and base):
        return base, suffix.lower()
    return name, ""


def described(name: str) -> str:
    """The file name that a sidecar's own name points to: ``x.jpg`` for ``x.jpg.xmp`` and for ``x.jpg.supplemental-metadata.json``,
    ``x(1).jpg`` for ``x.jpg(1).json``, ``x`` for ``x.xmp``; any other name stays as it is."""
    base, suffix = split(name)
    if suffix not in SIDECARS:
        return name
    if suffix != "json":
        return base
    number = ""
    supplement = _SUPPLEMENT.search(base)
    if supplement and split(base[: supplement.start()])[1]:
        base, number = base[: supplement.start()], supplement[1] or ""
    elif (counted := _NUMBER.search(base)) and split(base[: counted.start()])[1]:
        base, number = base[: counted.start()], counted[1]
    bare, media = split(base)
    return f"{bare}{number}{base[len(bare) :]}" if media else base + number


def base(name: str) -> str:
    """The name without its media suffix, and without a sidecar's behind it."""
    inner = described(name)
    bare, suffix = split(inner)
    if inner != name and suffix in SIDECARS:
        return inner
    if suffix:
        return bare
    front, dot, last = inner.rpartition(".")  # a suffix we do not know, when it looks like one
    return front if inner == name and dot and front and re.fullmatch(r"[A-Za-z0-9]{1,5}", last) else inner


def original(name: str) -> str | None:
    """The ``base`` of the file that this one is an edited version of: ``IMG_1234`` for Apple's ``IMG_E1234.JPG``, ``x`` for Google's
    ``x-edited.jpg`` in any of its languages, ``x(1)`` for ``x-edited(1).jpg``; None for any other name."""
    bare = unicodedata.normalize("NFC", base(name))
    apple = _APPLE_EDIT.match(bare)
    if apple:
        return apple[1] + apple[2]
    google = _GOOGLE_EDIT.search(bare)
    return bare[: google.start()] + (google[1] or "") if google and google.start() else None


def stem(path: str) -> str:
    """``path`` with its ``base`` for the name; ``IMG_E1234`` and ``IMG_O1234`` (Apple's edits) count as ``IMG_1234``, any other edited
    version as its ``original``."""
    folder, slash, name = path.rpartition("/")
    return folder + slash + _APPLE.sub(r"\1\2", original(name) or base(name))


def begins(stem: str) -> str:
    """What every name in that folder begins with whose stem this is, so that the others need not be looked at; may be ""."""
    if stem[:4].upper() == "IMG_":
        return stem[:4]
    front = _NUMBER.sub("", stem)  # x-edited(1).jpg is an x(1)
    return next((front[:at] for at, letter in enumerate(front) if not letter.isascii()), front)  # é may be spelled otherwise


def tells_of(sidecar: str, name: str, others: tuple[str, ...] = ()) -> bool:
    """Whether a sidecar belongs to the file ``name`` and not to one of ``others``, which travel with it: by the whole name, else by
    its base where none of the others has that."""
    pointed = described(sidecar).casefold()
    if pointed in {name.casefold(), *(one.casefold() for one in others)}:
        return pointed == name.casefold()
    mine = base(sidecar).casefold()
    return base(name).casefold() == mine and all(base(one).casefold() != mine for one in others)
