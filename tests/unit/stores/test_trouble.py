import errno

import pytest

from albumen.errors import AlbumenError, Exists, NotFound, Rejected, Transient, Unavailable
from albumen.stores.trouble import guarded, translated


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, NotFound),
        (errno.ENOTDIR, NotFound),
        (errno.EEXIST, Exists),
        (errno.ENOSPC, Unavailable),
        (errno.EDQUOT, Unavailable),
        (errno.EROFS, Unavailable),
        (errno.EIO, Unavailable),
        (errno.ESTALE, Unavailable),
        (errno.ENODEV, Unavailable),
        (errno.ENOTCONN, Unavailable),
        (errno.EACCES, Rejected),
        (errno.ENAMETOOLONG, Rejected),
        (errno.ELOOP, Rejected),
        (errno.EMFILE, Transient),
        (errno.EBUSY, Transient),
        (99_999, Transient),
    ],
)
def test_each_errno_has_its_meaning_and_names_the_file(number: int, kind: type[AlbumenError]) -> None:
    error = translated(OSError(number, "why"), "nas", "a/x.jpg")
    assert type(error) is kind
    assert "nas" in str(error)
    assert "a/x.jpg" in str(error)


def test_one_unreadable_file_closes_no_place() -> None:
    assert type(translated(OSError(errno.EIO, "why"), "nas", "x", reading=True)) is Transient


def test_errors_of_our_own_pass() -> None:
    with pytest.raises(Exists, match="mine"), guarded("nas", "x"):
        raise Exists("mine")
