"""A word leaves for a real receiver; when that is impossible, the reason is told, and no secret with it."""

import shutil
import socket
from pathlib import Path

import pytest

from albumen import senders as module
from albumen.errors import Unavailable
from albumen.secrets import Secret
from albumen.senders import senders
from albumen.settings import Notify
from make.receivers import certificate, hook, post

AT = 1_700_000_000_000_000_000
WORD = ("unwell", "store nas: /srv/\udcff is not there\nsource camera cannot be looked at", ("store nas", "source camera"), AT)


def mail(port: int, **more: object) -> Notify:
    given = {"to": ("admin@example.org",), "smtp": f"localhost:{port}", "security": "none", **more}
    return Notify(**given)  # type: ignore[arg-type]  # as the settings have it


def refused(settings: Notify) -> str:
    (sender,) = senders(settings)
    with pytest.raises(Unavailable) as caught:
        sender.send(*WORD)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return str(caught.value)


def test_nobody_is_told_unless_somebody_is_named() -> None:
    assert senders(Notify()) == ()


def test_a_hook_gets_json_for_people_and_machines() -> None:
    with hook() as kept:
        (sender,) = senders(Notify(url=Secret(f"{kept.url}/hooks/s3cret?a=%7Bb%7D&m={{{{.text}}}}#part")))
        sender.send(*WORD)
    ((method, path, headers),) = kept.requests
    assert (method, path) == ("POST", "/hooks/s3cret?a=%7Bb%7D&m={{.text}}")
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert "Authorization" not in headers
    assert kept.told == [
        {
            "text": f"albumen: {WORD[1]}",
            "state": "unwell",
            "causes": ["store nas", "source camera"],
            "at": "2023-11-14T22:13:20+00:00",
        }
    ]
    assert sender.where == "[notify] url"


def test_user_and_password_of_a_hook_are_no_part_of_its_address() -> None:
    with hook() as kept:
        (sender,) = senders(Notify(url=Secret(kept.url.replace("//", "//me:p%40ss@") + "/x")))
        sender.send(*WORD)
    assert kept.requests[0][2]["Authorization"] == "Basic bWU6cEBzcw=="
    assert sender.where == "[notify] url"


@pytest.mark.parametrize("status", [302, 307, 400, 404, 500])
def test_a_hook_that_refuses_is_told_and_a_redirection_not_followed(status: int) -> None:
    with hook() as kept:
        kept.status, kept.location = status, f"{kept.url}/elsewhere"
        why = refused(Notify(url=Secret(f"{kept.url}/hooks/s3cret")))
    assert why == f"[notify] url: answered {status}"
    assert [path for _, path, _ in kept.requests] == ["/hooks/s3cret"]


def test_a_hook_that_is_not_there_or_no_web_server_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert refused(Notify(url=Secret(f"http://127.0.0.1:{port}/s3cret"))).endswith("Connection refused")
    with pytest.raises(ValueError, match=r"^url: is no address; it must begin"):
        Notify(url=Secret(f"http://127.0.0.1:{port}x/s3cret"))
    with post() as kept:
        assert "does not answer as it should" in refused(Notify(url=Secret(f"http://127.0.0.1:{kept.port}/s3cret")))


def test_mail_goes_to_everybody_named() -> None:
    with post() as kept:
        (sender,) = senders(mail(kept.port, to=("a@example.org", "b@example.org"), sender="albumen@nas.example.org"))
        sender.send(*WORD)
    (message,) = kept.mails
    assert message["From"] == "albumen@nas.example.org"
    assert message["To"] == "a@example.org, b@example.org"
    assert message["Subject"] == "albumen: store nas: /srv/\\udcff is not there"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@nas.example.org>")
    assert message.get_content().splitlines() == [
        "store nas: /srv/\\udcff is not there",
        "source camera cannot be looked at",
        "",
        "(store nas, source camera)",
    ]
    assert [one.split()[0].lower() for one in kept.envelopes[0][1]] == ["to:<a@example.org>", "to:<b@example.org>"]
    assert sender.where == f"a@example.org, b@example.org by localhost:{kept.port}"


def test_a_file_name_cannot_forge_a_header() -> None:
    with post() as kept:
        (sender,) = senders(mail(kept.port))
        sender.send("unwell", "bad\r\x85Bcc: other@example.org\x0b.jpg\nmore", (), AT)
    (message,) = kept.mails
    assert message["Bcc"] is None
    assert message["Subject"] == "albumen: bad??Bcc: other@example.org?.jpg"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, to make a certificate")
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mail_by_tls_with_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str) -> None:
    pair = certificate(tmp_path)
    with post(pair, starttls=security == "starttls") as kept:
        kept.login = "admin@example.org:s3cret-password"
        settings = mail(kept.port, security=security, password=Secret("s3cret-password"))
        assert "certificate that is not trusted" in refused(settings)
        monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))
        senders(settings)[0].send(*WORD)
        assert kept.encrypted
        assert len(kept.mails) == 1
        kept.login = "admin@example.org:another"
        assert refused(settings).endswith("does not know this user and password")
    assert len(kept.mails) == 1


def test_a_mail_server_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with post() as kept:
        assert "does not offer" in refused(mail(kept.port, security="starttls"))
        kept.refuses = "b@example.org"
        assert refused(mail(kept.port, to=("b@example.org",))).endswith("does not take mail for b@example.org")
        (sender,) = senders(mail(kept.port, to=("a@example.org", "b@example.org")))
        assert sender.send(*WORD) == "does not take mail for b@example.org"  # the other one is not told again and again for it
        kept.login = "x:y"
        assert "answered 530" in refused(mail(kept.port))
    assert refused(mail(kept.port)).endswith("Connection refused")
    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    with hook() as web:  # it waits for us, as a mail server never does
        assert refused(mail(int(web.url.rpartition(":")[2]))).endswith("does not answer as it should (SMTPServerDisconnected)")
