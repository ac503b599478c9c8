"""The polite client: its turns, tries, redirects and refusals, against a server that misbehaves on a loopback."""

from __future__ import annotations

import hashlib
import logging
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from media_pipeline import __version__
from media_pipeline.errors import AnswerError, BlobError, ConfigError, FetchError, MediaServiceError
from media_pipeline.sources.protocol import Limits, Request
from media_pipeline.stores.addresses import look_up
from media_pipeline.stores.catalog.budgets import block, standing
from media_pipeline.stores.exchanges import Pace
from media_pipeline.stores.http import Clock, Download, Http, Reply
from media_pipeline.stores.library import Library
from media_pipeline_tests.replay_server import ReplayServer, Scripted, bomb, redirect

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FAST = Limits(priority=1, requests_per_s=1000, fastest_per_s=1000)
KEY = "k3y+with/signs"
PHOTO = bytes(range(256)) * 800


class FakeTime:
    """A clock that is moved on by who sleeps."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.sleeps: list[float] = []
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.passed_s += seconds
            self.sleeps.append(round(seconds, 3))

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed_s)

    def clock(self) -> Clock:
        return Clock(now=self.now, elapsed=lambda: self.passed_s, sleep=self.sleep, chance=lambda: 1.0)


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    with ReplayServer() as running:
        yield running


@pytest.fixture
def passing() -> FakeTime:
    return FakeTime()


Open = Callable[..., Http]


@pytest.fixture
def open_http(library: Library, server: ReplayServer, passing: FakeTime) -> Iterator[Open]:
    """A client that may ask the server, with settings of choice."""
    opened: list[Http] = []

    def opening(
        *, allowed: str = server.host, contact: str = "ops@example.org", pace: Pace | None = None, **more: object
    ) -> Http:
        chosen = {"allowed_private_hosts": allowed, "contact": contact}
        settings = library.settings.model_copy(update=chosen)
        http = Http(settings, library.engine, **({"clock": passing.clock(), "pace": pace} | more))  # type: ignore[arg-type]
        opened.append(http)
        return http

    yield opening
    for http in opened:
        http.close()


@pytest.fixture
def http(open_http: Open) -> Http:
    return open_http()


def ask(http: Http, url: str, *, limits: Limits = FAST, key: str | None = None) -> Reply:
    secret = None if key is None else ("api_key", SecretStr(key))
    return http.get(Request(url), source="herbarium", limits=limits, key=secret)


def fetch(http: Http, url: str, to: Path, *, limits: Limits = FAST, max_bytes: int = 10**7) -> Download:
    return http.download(url, to=to / "file", source="herbarium", limits=limits, max_bytes=max_bytes)


def test_an_answer_comes_with_its_status_and_headers(http: Http, server: ReplayServer) -> None:
    """Parameters are put on the URL as a source gives them, and the server is told who asks."""
    server.say("/x?a=1&b=%C3%A4+b&b=2", Scripted(body=b"{}", headers=(("X-More", "yes"),)))
    reply = http.get(
        Request(server.url("/x?a=1"), (("b", "ä b"), ("b", "2"))), source="herbarium", limits=FAST, key=None
    )
    assert (reply.body, reply.status, reply.headers["x-more"]) == (b"{}", 200, "yes")
    assert reply.url == server.url("/x?a=1&b=%C3%A4+b&b=2")
    assert server.seen[0].headers == {
        "host": server.host,
        "user-agent": f"media-pipeline/{__version__} (ops@example.org)",
        "accept": "*/*",
        "accept-encoding": "gzip, deflate",
    }


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_an_answer(status: int, http: Http, server: ReplayServer) -> None:
    """What it means is the adapter's; it is asked once, and its host works."""
    server.say("/x", Scripted(status, b"no"))
    reply = ask(http, server.url("/x"))
    assert (reply.status, reply.body) == (status, b"no")
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [200, 403])
def test_a_server_that_tells_the_key_tells_it_to_nobody(status: int, http: Http, server: ReplayServer) -> None:
    """Pages of errors repeat the address that was asked; body and headers go on without the key."""
    echo = f"The URL /x?api_key={quote_plus(KEY)} was refused"
    server.say("/x", Scripted(status, echo.encode(), headers=(("X-Asked", echo),)))
    reply = ask(http, server.url("/x"), key=KEY)
    assert (reply.status, reply.body) == (status, b"The URL /x?api_key=*** was refused")
    assert reply.headers["x-asked"] == "The URL /x?api_key=*** was refused"


def test_500_requests_an_hour_take_an_hour(http: Http, server: ReplayServer, passing: FakeTime) -> None:
    """7.2 s between them, by a clock that nobody waits for."""
    server.say("/x", Scripted())
    for _ in range(26):
        ask(http, server.url("/x"), limits=replace(FAST, requests_per_s=500 / 3600))
    assert passing.passed_s == pytest.approx(25 * 7.2, abs=0.01)


def test_waits_of_more_than_five_seconds_are_logged(
    http: Http, server: ReplayServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever looks at a run that stands still sees what it waits for."""
    caplog.set_level(logging.INFO)
    server.say("/x", Scripted())
    for _ in range(2):
        ask(http, server.url("/x"), limits=replace(FAST, requests_per_s=0.2))
    assert caplog.messages == []
    for _ in range(2):
        ask(http, server.url("/x"), limits=replace(FAST, requests_per_s=0.1))
    assert caplog.messages == [f"herbarium: waiting 10 s: its turn at {server.host}"]


def test_the_requests_of_a_day_are_used_up(http: Http, server: ReplayServer) -> None:
    """The source is asked no more, and the walk is told when it may go on."""
    server.say("/x", Scripted())
    limits = replace(FAST, requests_per_day=2)
    ask(http, server.url("/x"), limits=limits)
    ask(http, server.url("/x"), limits=limits)
    with pytest.raises(AnswerError, match="budget_used_up") as told:
        ask(http, server.url("/x"), limits=limits)
    assert (told.value.then, told.value.until) == ("stop", datetime(2026, 11, 21, tzinfo=UTC))
    assert len(server.seen) == 2


def test_errors_that_pass_are_tried_again(http: Http, server: ReplayServer, passing: FakeTime) -> None:
    """Waves of 503, 500, 408 and 425, with waits that double."""
    server.say("/x", Scripted(503), Scripted(500), Scripted(408), Scripted(425), Scripted(body=b"at last"))
    assert ask(http, server.url("/x")).body == b"at last"
    assert [sleep for sleep in passing.sleeps if sleep >= 1] == [1, 2, 4, 8]


def test_after_five_tries_it_is_unavailable(http: Http, server: ReplayServer) -> None:
    """And its host, which has failed five times in a row, is left alone by all, for a minute at first."""
    server.say("/x", Scripted(503))
    with pytest.raises(AnswerError, match=r"source_unavailable: server_error: .* answers 503") as told:
        ask(http, server.url("/x"))
    assert told.value.then == "retry"
    assert len(server.seen) == 5
    with pytest.raises(AnswerError, match="source_unavailable: host_down") as told:
        ask(http, server.url("/other"))
    assert told.value.until is not None
    assert len(server.seen) == 5


def test_a_host_that_was_down_is_tried_again_by_one(
    http: Http, server: ReplayServer, passing: FakeTime, tmp_path: Path
) -> None:
    """When it answers, everybody may ask again."""
    server.say("/x", *[Scripted(500)] * 5, Scripted(body=PHOTO))
    with pytest.raises(FetchError, match="server_error"):
        fetch(http, server.url("/x"), tmp_path)
    with pytest.raises(FetchError, match="host_down"):
        fetch(http, server.url("/x"), tmp_path)
    passing.sleep(61)
    assert fetch(http, server.url("/x"), tmp_path).size_bytes == len(PHOTO)
    assert fetch(http, server.url("/x"), tmp_path).size_bytes == len(PHOTO)


def test_files_that_are_gone_say_nothing_of_their_host(http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """A museum with a hundred dead links is not down."""
    for _ in range(12):
        with pytest.raises(FetchError, match="gone"):
            fetch(http, server.url("/missing"), tmp_path)
    assert len(server.seen) == 12


def test_a_host_that_cannot_be_reached_is_left_alone(
    open_http: Open, server: ReplayServer, library: Library, tmp_path: Path
) -> None:
    """After one file of it the next is refused at once, while another host is asked as before."""
    with ReplayServer() as other:
        dead = other.host
    http = open_http(allowed=f"{server.host},{dead}")
    with pytest.raises(FetchError, match=r"unreachable|host_down"):
        fetch(http, f"http://{dead}/a", tmp_path)
    with pytest.raises(FetchError, match="host_down"):
        fetch(http, f"http://{dead}/b", tmp_path)
    server.say("/x", Scripted(body=PHOTO))
    assert fetch(http, server.url("/x"), tmp_path).size_bytes == len(PHOTO)
    assert standing(library.engine, [f"host:{dead}"])[f"host:{dead}"].failures == 5


@pytest.mark.parametrize("retry_after", ["37", "Fri, 20 Nov 2026 12:00:37 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_the_pause_that_is_asked_for_is_kept(
    status: int, retry_after: str, http: Http, server: ReplayServer, passing: FakeTime
) -> None:
    """In seconds, or as a date by the server's own clock."""
    pause = (("Retry-After", retry_after), ("Date", "Fri, 20 Nov 2026 12:00:00 GMT"))
    server.say("/x", Scripted(status, headers=pause), Scripted(body=b"now"))
    assert ask(http, server.url("/x")).body == b"now"
    assert passing.passed_s == pytest.approx(37, abs=0.1)


def test_a_pause_holds_for_every_process(open_http: Open, server: ReplayServer, passing: FakeTime) -> None:
    """Another client, of another run, waits as well; one that would wait too long is told until when."""
    server.say("/x", Scripted(429, headers=(("Retry-After", "1200"), ("Date", "Fri, 20 Nov 2026 12:00:00 GMT"))))
    for http in (open_http(), open_http()):
        with pytest.raises(AnswerError, match="source_unavailable") as told:
            ask(http, server.url("/x"))
        assert told.value.until == NOON + timedelta(seconds=1200)
    assert len(server.seen) == 1
    server.say("/x", Scripted())
    passing.sleep(1000)
    assert ask(open_http(), server.url("/x")).status == 200
    assert passing.passed_s == pytest.approx(1200, abs=2)


def test_429_without_a_time_is_a_growing_pause(http: Http, server: ReplayServer, passing: FakeTime) -> None:
    """It says that we were too fast, and is no failure of its host."""
    server.say("/x", *[Scripted(429)] * 3, Scripted())
    assert ask(http, server.url("/x")).status == 200
    assert passing.passed_s == pytest.approx(8 + 16 + 32, abs=0.1)


def test_a_redirect_is_followed(http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """Relative or not, up to five."""
    for number in range(5):
        server.say(f"/{number}", redirect(f"/{number + 1}" if number % 2 else server.url(f"/{number + 1}")))
    server.say("/5", Scripted(body=PHOTO, headers=(("Content-Type", "image/jpeg"), ("ETag", '"a"'))))
    got = fetch(http, server.url("/0"), tmp_path)
    assert (got.final_url, got.content_type, got.etag, got.status) == (server.url("/5"), "image/jpeg", '"a"', 200)
    server.say("/00", redirect("/0"))
    with pytest.raises(FetchError, match="too_many_redirects"):
        fetch(http, server.url("/00"), tmp_path)
    server.say("/round", redirect("/round"))
    with pytest.raises(AnswerError, match="too_many_redirects"):
        ask(http, server.url("/round"))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/x", "private_address"),
        ("http://169.254.169.254/latest/meta-data", "private_address"),
        ("http://[::1]/", "private_address"),
        ("http://[::ffff:10.0.0.1]/", "private_address"),
        ("http://2130706433/", "private_address"),
        ("http://0x7f.0.0.1/", "private_address"),
        ("http://0177.1/", "private_address"),
        ("http://0177.0.0.1/", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("ftp://example.org/x", "bad_url"),
        ("http:///x", "bad_url"),
        ("//", "bad_url"),
        ("http://user:secret@example.org/", "bad_url"),
        ("http://example.org:99999/", "bad_url"),
        ("http://example.org/\r\nX: y", "bad_url"),
        (f"http://{'a' * 64}.example/", "bad_url"),
    ],
)
def test_addresses_that_are_refused(
    url: str, reason: str, http: Http, server: ReplayServer, library: Library, tmp_path: Path
) -> None:
    """Given directly, or by a redirect of a host that may be asked; nothing is tried twice."""
    with pytest.raises(FetchError, match=reason):
        fetch(http, url, tmp_path)
    assert server.seen == []
    if url not in ("//", "http:///x", "http://example.org/\r\nX: y"):  # a redirect says those of the same host
        server.say("/x", redirect(url))
        with pytest.raises(FetchError, match=reason):
            fetch(http, server.url("/x"), tmp_path)
        assert len(server.seen) == 1
    assert list(tmp_path.glob("file*")) == []


def test_a_name_that_leads_inside_is_refused(open_http: Open, server: ReplayServer, tmp_path: Path) -> None:
    """Also with one private address among others; the same name is asked where the settings allow it."""
    found = {"museum.example": ["93.184.215.14", "10.0.0.7"], "inside.example": ["127.0.0.1"]}
    server.say("/x", Scripted(body=PHOTO))

    def resolve(host: str, _port: int) -> list[str]:
        return found[host]

    port = server.host.partition(":")[2]
    http = open_http(allowed="", resolve=resolve)
    with pytest.raises(FetchError, match=r"private_address: museum.example is 10.0.0.7"):
        fetch(http, "http://museum.example/x", tmp_path)
    with pytest.raises(FetchError, match="private_address"):
        fetch(http, f"http://inside.example:{port}/x", tmp_path)
    http = open_http(allowed=f"inside.example:{port}", resolve=resolve)
    assert fetch(http, f"http://inside.example:{port}/x", tmp_path).size_bytes == len(PHOTO)
    assert server.seen[0].headers["host"] == f"inside.example:{port}"


def test_a_name_is_looked_up_once_for_what_is_connected_to(
    open_http: Open, server: ReplayServer, tmp_path: Path
) -> None:
    """A name that is public when it is checked and private when it is used would lead inside."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    server.say("/x", Scripted(body=PHOTO))
    host = f"changes.example:{server.host.partition(':')[2]}"
    fetch(open_http(allowed=host, resolve=resolve), f"http://{host}/x", tmp_path)
    assert asked == ["changes.example"]


def certified(name: str, folder: Path) -> Path:
    """A certificate for a name, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(whose, whose, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / f"{name}.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + secret)
    return path


def test_tls_holds_to_the_name_and_not_to_the_address(
    open_http: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is what the server is asked for, and what its certificate must be of."""
    pem = certified("museum.example", tmp_path)
    monkeypatch.setattr("httpx.create_ssl_context", lambda **_: ssl.create_default_context(cafile=pem))
    asked: list[str | None] = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    with ReplayServer({"/x": Scripted(body=PHOTO)}, tls=tls) as server:
        port = server.host.partition(":")[2]
        names = [f"{name}:{port}" for name in ("museum.example", "other.example")]
        http = open_http(allowed=",".join(names), resolve=lambda _host, _port: ["127.0.0.1"])
        assert fetch(http, f"https://{names[0]}/x", tmp_path).size_bytes == len(PHOTO)
        with pytest.raises(FetchError, match=r"CERTIFICATE_VERIFY_FAILED|host_down"):
            fetch(http, f"https://{names[1]}/x", tmp_path)
    assert set(asked) == {"museum.example", "other.example"}
    assert server.paths() == ["/x"]


def test_a_name_that_nobody_knows_is_unreachable(open_http: Open, tmp_path: Path) -> None:
    """As the system says it."""

    def resolve(_host: str, _port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(FetchError, match=r"nowhere.example: Name or service not known"):
        fetch(open_http(resolve=resolve), "http://nowhere.example/", tmp_path)


def test_without_a_contact_a_source_that_wants_one_is_not_asked(
    open_http: Open, server: ReplayServer, tmp_path: Path
) -> None:
    """The setting is named; one that does not want any is asked without."""
    http = open_http(contact="")
    with pytest.raises(ConfigError, match=r"MEDIA_CONTACT: herbarium"):
        ask(http, server.url("/x"))
    with pytest.raises(ConfigError, match=r"MEDIA_CONTACT: herbarium"):
        fetch(http, server.url("/x"), tmp_path)
    assert server.seen == []
    ask(http, server.url("/x"), limits=replace(FAST, needs_contact=False))
    assert server.seen[0].headers["user-agent"] == f"media-pipeline/{__version__}"


def test_a_key_is_sent_and_shown_nowhere(
    http: Http, server: ReplayServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Neither in the reply's URL, nor in any log at any level, nor in an error and its traceback."""
    caplog.set_level(logging.DEBUG)
    asked = "/x?q=1&api_key=k3y%2Bwith%2Fsigns"
    server.say("/x", redirect("/y?api_key=k3y%2Bwith%2Fsigns"))
    server.say("/y", Scripted(503), *[Scripted(cut_after=0, body=b"x")] * 4)
    told = ""
    try:
        ask(http, server.url("/x?q=1"), key=KEY)
    except AnswerError as error:
        told = "".join(traceback.format_exception(error)) + repr(error)
    server.say("/y", Scripted())
    reply = ask(http, server.url("/x?q=1"), key=KEY) if "host_down" not in told else None
    assert server.paths()[:2] == [asked, "/y?api_key=k3y%2Bwith%2Fsigns"]
    assert told
    for shown in (told, caplog.text, repr(reply)):
        assert "k3y" not in shown


def test_a_key_follows_no_redirect_to_another_host(open_http: Open, server: ReplayServer) -> None:
    """It is refused if the address holds it, and asked without if not."""
    with ReplayServer({"/z": Scripted(body=b"other")}) as other:
        http = open_http(allowed=f"{server.host},{other.host}")
        server.say("/x", redirect(other.url("/z?api_key=k3y%2Bwith%2Fsigns")))
        with pytest.raises(AnswerError, match="would carry the key"):
            ask(http, server.url("/x"), key=KEY)
        assert other.seen == []
        server.say("/x", redirect(other.url("/z")))
        assert ask(http, server.url("/x"), key=KEY).body == b"other"
        assert other.paths() == ["/z"]


def test_a_file_is_stored_with_its_digest(http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """As it was sent: no packing is asked for."""
    server.say("/x", Scripted(body=PHOTO))
    got = fetch(http, server.url("/x"), tmp_path)
    assert got.path.read_bytes() == PHOTO
    assert got.size_bytes == 204_800
    assert got.sha256 == hashlib.sha256(PHOTO).hexdigest()
    assert server.seen[0].headers["accept-encoding"] == "identity"


def test_an_empty_file_is_a_file(http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """What that means is not the client's."""
    server.say("/x", Scripted())
    got = fetch(http, server.url("/x"), tmp_path)
    assert (got.size_bytes, got.path.read_bytes()) == (0, b"")


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "gone"), (410, "gone"), (401, "forbidden"), (403, "forbidden"), (451, "forbidden"), (400, "forbidden")],
)
def test_a_file_that_is_refused(status: int, reason: str, http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """By its reason; it is asked for once, and nothing is left."""
    server.say("/x", Scripted(status, b"<html>"))
    with pytest.raises(FetchError) as told:
        fetch(http, server.url("/x"), tmp_path)
    assert told.value.reason == reason
    assert len(server.seen) == 1
    assert list(tmp_path.glob("file*")) == []


def test_a_file_that_breaks_off_is_continued(http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """From where it stands, under the same strong ETag; the digests are those of the whole."""
    whole = Scripted(body=PHOTO, headers=(("ETag", '"v1"'),), is_ranged=True)
    server.say("/x", replace(whole, cut_after=70_000), replace(whole, cut_after=30_000), whole)
    got = fetch(http, server.url("/x"), tmp_path)
    assert got.path.read_bytes() == PHOTO
    assert got.sha256 == hashlib.sha256(PHOTO).hexdigest()
    ranges = [request.headers.get("range") for request in server.seen]
    assert ranges == [None, "bytes=70000-", "bytes=100000-"]
    assert server.seen[1].headers["if-range"] == '"v1"'


@pytest.mark.parametrize(
    ("etag", "is_ranged"), [('W/"v1"', True), (None, True), ('"v1"', False)], ids=["weak", "none", "no ranges"]
)
def test_a_file_that_cannot_be_continued_begins_anew(
    etag: str | None, is_ranged: bool, http: Http, server: ReplayServer, tmp_path: Path
) -> None:
    """A weak ETag may stand for other bytes."""
    whole = Scripted(body=PHOTO, headers=(("ETag", etag),) if etag else (), is_ranged=is_ranged)
    server.say("/x", replace(whole, cut_after=70_000), whole)
    got = fetch(http, server.url("/x"), tmp_path)
    assert got.path.read_bytes() == PHOTO
    assert [request.headers.get("range") for request in server.seen] == [None, None]


def test_a_file_that_changed_meanwhile_begins_anew(http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """The server sends all of the other, or says that there is no such rest; nothing is put together of two."""
    first = Scripted(body=PHOTO, headers=(("ETag", '"v1"'),), is_ranged=True, cut_after=70_000)
    other = Scripted(body=b"other", headers=(("ETag", '"v2"'),), is_ranged=True)
    server.say("/x", first, other)
    assert fetch(http, server.url("/x"), tmp_path).path.read_bytes() == b"other"
    server.say("/x", first, Scripted(416), other)
    assert fetch(http, server.url("/x"), tmp_path).path.read_bytes() == b"other"
    rest = Scripted(206, b"rest", (("Content-Range", "bytes 9-12/13"),))
    server.say("/x", first, rest, other)
    assert fetch(http, server.url("/x"), tmp_path).path.read_bytes() == b"other"


def test_a_file_that_always_breaks_off_is_short(http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """After five tries, with nothing left; what came of it counts."""
    server.say("/x", Scripted(body=PHOTO, cut_after=1000))
    with pytest.raises(FetchError, match="short_body"):
        fetch(http, server.url("/x"), tmp_path)
    assert len(server.seen) == 5
    assert list(tmp_path.glob("file*")) == []


def test_a_file_that_is_too_large_is_refused(http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """By what is promised, and by what comes where nothing is promised."""
    server.say("/x", Scripted(body=PHOTO))
    with pytest.raises(FetchError, match="too_large: 204800 bytes"):
        fetch(http, server.url("/x"), tmp_path, max_bytes=204_799)
    assert fetch(http, server.url("/x"), tmp_path, max_bytes=204_800).size_bytes == 204_800
    server.say("/y", Scripted(body=PHOTO, is_chunked=True))
    with pytest.raises(FetchError, match="too_large: more than 204799 bytes"):
        fetch(http, server.url("/y"), tmp_path, max_bytes=204_799)
    assert fetch(http, server.url("/y"), tmp_path, max_bytes=204_800).size_bytes == 204_800


def test_a_bomb_is_refused(open_http: Open, server: ReplayServer, tmp_path: Path) -> None:
    """What a file or an answer unpacks to is what counts."""
    http = open_http()
    server.say("/x", bomb(3_000_000))
    with pytest.raises(FetchError, match="too_large"):
        fetch(http, server.url("/x"), tmp_path, max_bytes=1_000_000)
    assert list(tmp_path.glob("file*")) == []
    server.say("/x", bomb(1_000))
    assert fetch(http, server.url("/x"), tmp_path, max_bytes=1_000).path.read_bytes() == bytes(1_000)
    server.say("/x", bomb(60_000_000))
    with pytest.raises(AnswerError, match="unreadable_answer"):
        ask(http, server.url("/x"))


def test_a_host_that_drips_is_too_slow(open_http: Open, server: ReplayServer, tmp_path: Path) -> None:
    """A byte now and then would hold a place for hours; so would silence, and a file without an end."""
    server.say("/x", Scripted(body=PHOTO, drip=(10, 0.02)))
    server.say("/y", Scripted(body=PHOTO, wait_s=2))
    paces = [Pace(while_s=0.2, bytes_per_while=5000), Pace(total_s=0.4), Pace(silence_s=0.2)]
    said = ["bytes in 0.2 s", "not all of it came within 0.4 s", "nothing came for 0.2 s"]
    for pace, words, path in zip(paces, said, ("/x", "/x", "/y"), strict=True):
        with pytest.raises(FetchError, match=f"too_slow_host: .*{words}"):
            fetch(open_http(pace=pace), server.url(path), tmp_path)
    assert len(server.seen) == 3


def test_a_long_download_goes_on_where_it_broke(
    open_http: Open, server: ReplayServer, passing: FakeTime, tmp_path: Path
) -> None:
    """After hours too, and after a silence, where its pace allows hours: by that alone it is bounded."""

    def two_hours_later(host: str, port: int) -> Sequence[str]:
        passing.passed_s += 7200
        return look_up(host, port)

    whole = Scripted(body=PHOTO, headers=(("ETag", '"v1"'),), is_ranged=True)
    server.say("/x", replace(whole, cut_after=70_000), replace(whole, drip=(30_000, 0.5)), whole)
    http = open_http(pace=Pace(total_s=86_400, silence_s=0.2), resolve=two_hours_later)
    got = fetch(http, server.url("/x"), tmp_path)
    assert got.path.read_bytes() == PHOTO
    ranges = [seen.headers.get("range") for seen in server.seen]
    assert ranges[:2] == [None, "bytes=70000-"]
    assert len(ranges) == 3
    server.say("/x", replace(whole, cut_after=70_000))
    with pytest.raises(FetchError, match="short_body"):
        fetch(open_http(pace=Pace(total_s=10_000), resolve=two_hours_later), server.url("/x"), tmp_path)
    assert len(server.seen) == 3 + 2


def test_a_download_may_take_longer_than_a_wait(
    open_http: Open, server: ReplayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patience is for turns, and not for what comes."""
    monkeypatch.setattr("media_pipeline.stores.http.PATIENCE_S", 0.5)
    server.say("/x", Scripted(body=PHOTO, drip=(40_000, 0.25)))
    assert fetch(open_http(pace=Pace(total_s=86_400)), server.url("/x"), tmp_path).size_bytes == len(PHOTO)


@pytest.mark.parametrize("said", ["noai", "noindex, NoImageAI", "media-pipeline: noai"])
def test_a_file_that_no_ai_may_use_is_left(said: str, http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """Unless the settings say otherwise."""
    server.say("/x", Scripted(body=PHOTO, headers=(("X-Robots-Tag", said),)))
    with pytest.raises(FetchError, match="opted_out"):
        fetch(http, server.url("/x"), tmp_path)
    got = http.download(
        server.url("/x"), to=tmp_path / "file", source="a", limits=FAST, max_bytes=10**6, honour_noai=False
    )
    assert got.size_bytes == len(PHOTO)


def test_the_bytes_of_an_hour_are_used_up(http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """By all files of a source, whichever host has them."""
    server.say("/x", Scripted(body=PHOTO))
    limits = replace(FAST, bytes_per_hour=400_000)
    for _ in range(2):
        fetch(http, server.url("/x"), tmp_path, limits=limits)
    with pytest.raises(FetchError, match="budget_used_up: files:herbarium") as told:
        fetch(http, server.url("/x"), tmp_path, limits=limits)
    assert told.value.until == NOON + timedelta(hours=1)


def test_files_of_one_host_come_so_many_a_second(
    http: Http, server: ReplayServer, passing: FakeTime, tmp_path: Path
) -> None:
    """Where a source says how many."""
    server.say("/x", Scripted(body=PHOTO))
    for _ in range(5):
        fetch(http, server.url("/x"), tmp_path, limits=replace(FAST, downloads_per_s=0.5))
    assert passing.passed_s == pytest.approx(8, abs=0.01)


def test_the_rules_of_a_known_host_hold_for_every_source(
    open_http: Open, server: ReplayServer, passing: FakeTime, tmp_path: Path
) -> None:
    """Wikimedia gives a file in two seconds, also to who heard of it from somebody else."""
    server.say("/x", Scripted(body=PHOTO))
    http = open_http(allowed="upload.wikimedia.org", resolve=lambda *_: ["127.0.0.1"])
    url = server.url("/x").replace("127.0.0.1", "upload.wikimedia.org")
    for source in ("openverse", "gbif", "wikimedia_commons"):
        http.download(url, to=tmp_path / "file", source=source, limits=FAST, max_bytes=10**6)
    assert passing.passed_s == pytest.approx(4, abs=0.01)


def test_what_others_learn_of_a_host_is_known_within_a_second(
    http: Http, library: Library, server: ReplayServer, passing: FakeTime, tmp_path: Path
) -> None:
    """Where nobody counts the files of a host, the catalog is not asked for each of them."""
    server.say("/x", Scripted(body=PHOTO))
    for _ in range(2):  # the first counts bytes, and with them forgets what it knew
        fetch(http, server.url("/x"), tmp_path)
    block(library.engine, [f"host:{server.host}"], seconds=60, now=NOON)
    fetch(http, server.url("/x"), tmp_path)
    assert passing.passed_s == 0
    passing.sleep(1)
    fetch(http, server.url("/x"), tmp_path)
    assert passing.passed_s == pytest.approx(60, abs=0.01)


def test_what_a_client_learns_of_a_host_it_knows_at_once(
    http: Http, server: ReplayServer, passing: FakeTime, tmp_path: Path
) -> None:
    """The pause that one file was asked for holds for the next one."""
    busy = Scripted(429, headers=(("Retry-After", "60"), ("Date", "Fri, 20 Nov 2026 12:00:00 GMT")))
    server.say("/x", Scripted(body=PHOTO))
    server.say("/busy", busy)
    for _ in range(2):
        fetch(http, server.url("/x"), tmp_path)
    with pytest.raises(FetchError, match="server_error"):
        fetch(http, server.url("/busy"), tmp_path)
    waited_s = passing.passed_s
    fetch(http, server.url("/x"), tmp_path)
    assert passing.passed_s == pytest.approx(waited_s + 60, abs=1)


def test_no_more_files_at_once_than_a_host_is_asked_for(http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """Eight threads want one each; two of them are served at a time."""
    server.say("/x", Scripted(body=PHOTO, wait_s=0.05))
    folders = [tmp_path / str(number) for number in range(8)]
    for folder in folders:
        folder.mkdir()
    threads = [threading.Thread(target=fetch, args=(http, server.url("/x"), folder)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    begun = sorted(request.at for request in server.seen)
    assert len(begun) == 8
    assert all(later - former >= 0.05 for former, later in zip(begun, begun[2:], strict=False))


def test_a_disk_that_is_full_is_no_fault_of_the_file(http: Http, server: ReplayServer, tmp_path: Path) -> None:
    """The run ends, because every other file would fail too."""
    server.say("/x", Scripted(body=PHOTO))
    with pytest.raises(BlobError, match="No such file or directory"):
        fetch(http, server.url("/x"), tmp_path / "no folder")


def test_who_waits_when_the_library_is_closed_is_told(open_http: Open, server: ReplayServer, tmp_path: Path) -> None:
    """During a wait, during an exchange, and afterwards."""
    http = open_http(clock=Clock())
    server.say("/slow", Scripted(wait_s=5))
    server.say("/busy", Scripted(429, headers=(("Retry-After", "300"),)))
    told: list[str] = []

    def wait(path: str) -> None:
        try:
            fetch(http, server.url(path), tmp_path, limits=replace(FAST, downloads=2))
        except MediaServiceError as error:
            told.append(str(error))

    threads = [threading.Thread(target=wait, args=(path,)) for path in ("/slow", "/busy")]
    for thread in threads:
        thread.start()
    while len(server.seen) < 2:
        threading.Event().wait(0.01)
    http.close()
    for thread in threads:
        thread.join(30)
    wait("/slow")
    assert len(told) == 3


def test_a_library_has_a_client_that_opens_nothing_by_itself(library: Library) -> None:
    """Most processes ask nobody."""
    assert isinstance(library.http, Http)
    assert not [thread for thread in threading.enumerate() if thread.name == "http"]
