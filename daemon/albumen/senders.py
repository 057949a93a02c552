"""How a word leaves: as JSON to a webhook, or as e-mail. Each is one short call that may fail, and says why without any secret.

The webhook gets ``POST`` with ``{"text": …, "state": "unwell" | "well" | "test", "causes": […], "at": …}``: chat services show
``text``; the others fill a template with it. Redirections are not followed: they would take the words to somebody else.
"""

import base64
import json
import smtplib
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from http.client import HTTPException
from typing import Any, Protocol

from albumen.errors import Unavailable
from albumen.secrets import Secret
from albumen.settings import Notify, check_url

_PATIENCE = 15.0  # seconds for each answer of the other side


class Sender(Protocol):
    """One receiver of words."""

    name: str  # "webhook" | "mail"
    where: str  # for a person, without any secret

    def send(self, state: str, text: str, causes: Sequence[str], at: int) -> str:
        """Hand one word over; ``at`` in ns. Who of several did not get it, "" when all did. ``Unavailable`` with the reason when
        nobody did."""


def senders(settings: Notify) -> tuple[Sender, ...]:
    """Every receiver that is configured."""
    found: list[Sender] = []
    if settings.url:
        found.append(Webhook(settings.url))
    if settings.smtp:
        found.append(Mail(settings))
    return tuple(found)


class Webhook:
    """``url`` may hold a user and password (sent as basic authorization); any part of it may be a secret, so none is shown."""

    name = "webhook"
    where = "[notify] url"

    def __init__(self, url: Secret) -> None:
        self._secret = url

    def send(self, state: str, text: str, causes: Sequence[str], at: int) -> str:
        """See ``Sender``."""
        told = {"text": f"albumen: {text}", "state": state, "causes": list(causes), "at": _time(at).isoformat()}
        opener = urllib.request.build_opener(_Stays)

        def work() -> str:
            data = json.dumps(told).encode()
            url, headers = self._address()
            request = urllib.request.Request(url, data=data, headers=headers, method="POST")  # noqa: S310  # http(s)
            with opener.open(request, timeout=_PATIENCE) as answer:
                answer.read(1024)
            return ""

        return _tried(work, self.where)

    def _address(self) -> tuple[str, Mapping[str, str]]:
        """As it is now, and the headers that go there. ``ValueError`` when it is none."""
        url = self._secret.reveal()
        check_url(url)  # one that is kept in Vault was not seen before
        parts = urllib.parse.urlsplit(url)
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "albumen"}
        if parts.username is not None:
            pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")), headers


class Mail:
    """Plain text, by SMTP with STARTTLS, TLS or (on this machine) neither."""

    name = "mail"

    def __init__(self, settings: Notify) -> None:
        self._settings = settings
        self._host, self._port = settings.server
        self.where = f"{', '.join(settings.to)} by {self._host}:{self._port}"

    def send(self, state: str, text: str, causes: Sequence[str], at: int) -> str:
        """See ``Sender``."""
        message = self._message(state, text, causes, at)

        def work() -> str:
            with self._connected() as server:
                refused = server.send_message(message)
            return f"does not take mail for {', '.join(refused)}" if refused else ""

        return _tried(work, self.where)

    def _connected(self) -> smtplib.SMTP:
        settings, context = self._settings, ssl.create_default_context()
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=_PATIENCE, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=_PATIENCE)
        try:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.password:
                server.login(settings.user or self._sender, settings.password.reveal())
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, state: str, text: str, causes: Sequence[str], at: int) -> EmailMessage:
        message = EmailMessage()
        subject = {"unwell": text.partition("\n")[0], "well": "all is well again"}.get(state, "a test")
        message["Subject"] = f"albumen: {_plain(subject)[:150]}"
        message["From"] = self._sender
        message["To"] = ", ".join(self._settings.to)
        message["Date"] = format_datetime(_time(at))
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        named = f"\n\n({', '.join(causes)})" if causes else ""
        message.set_content(f"{_readable(text)}{named}\n")
        return message

    @property
    def _sender(self) -> str:
        return self._settings.sender or self._settings.to[0]


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows nobody."""

    def redirect_request(self, *_: Any) -> None:
        """None: the answer itself counts, and it is no success."""
        return


def _tried(work: Callable[[], str], where: str) -> str:
    """Do it; what the libraries raise becomes a reason. Their own texts may quote what was sent: they are not passed on, but for
    those of the system and of TLS."""
    try:
        return work()
    except urllib.error.HTTPError as error:
        error.close()
        raise Unavailable(where, f"answered {error.code}") from None
    except smtplib.SMTPAuthenticationError:
        raise Unavailable(where, "does not know this user and password", auth=True) from None
    except smtplib.SMTPResponseException as error:
        raise Unavailable(where, f"answered {error.smtp_code}") from None
    except smtplib.SMTPRecipientsRefused as error:
        raise Unavailable(where, f"does not take mail for {', '.join(error.recipients)}") from None
    except smtplib.SMTPNotSupportedError:
        raise Unavailable(where, "does not offer what [notify] asks of it (security, user)") from None
    except ssl.SSLError as error:  # before ValueError, which some of them are
        raise Unavailable(where, _system(error)) from None
    except (smtplib.SMTPException, HTTPException, ValueError) as error:
        raise Unavailable(where, f"does not answer as it should ({type(error).__name__})") from None
    except urllib.error.URLError as error:
        raise Unavailable(where, _system(error.reason)) from None
    except OSError as error:
        raise Unavailable(where, _system(error)) from None


def _system(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "does not answer in time"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {reason.verify_message}"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return f"cannot be reached ({type(reason).__name__})"


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1_000_000_000, UTC)


def _readable(text: str) -> str:
    """File names of any bytes in a mail that is UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in _readable(text))
