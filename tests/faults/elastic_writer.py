"""A process of a test: ``python elastic_writer.py URL INDEX NAME``. Adds its name to the tags of every record, in pieces; a piece that is
refused is read again, and what has the name already is left out, as deeds do. Its last line is how often that happened."""

import os
import random
import sys
from contextlib import closing
from dataclasses import replace

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from albumen.catalogs.elastic import ElasticCatalog
from albumen.errors import Stale
from make.elastic import a_catalog

_PIECE = 10


def write(catalog: ElasticCatalog, name: str) -> int:
    """How often somebody else was first."""
    ids = [one.id for one in catalog.walk()]
    random.Random(name).shuffle(ids)
    refused = 0
    for start in range(0, len(ids), _PIECE):
        while True:
            some = [one for one in catalog.get(ids[start : start + _PIECE]).values() if name not in one.tags]
            try:
                catalog.put([replace(one, tags=(*one.tags, name)) for one in some])
            except Stale:
                refused += 1
                continue
            break
    return refused


if __name__ == "__main__":
    with closing(a_catalog(sys.argv[1], sys.argv[2])) as mine:
        print(write(mine, sys.argv[3]))
