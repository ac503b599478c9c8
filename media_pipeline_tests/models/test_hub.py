"""Fetching weights: from a hub on the loopback, and what is said without one."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from media_pipeline.errors import EmbeddingError
from media_pipeline.models import OpenClip, model_of
from media_pipeline.models.hub import unreachable
from media_pipeline.models.readiness import made_ready
from media_pipeline_tests.models import tiny
from media_pipeline_tests.models.test_clip import PHOTOS

COMMIT = "c0ffee" * 6 + "c0ff"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """A hub with the one model `of/tiny`; its URL."""
    files = {path.name: path.read_bytes() for path in tiny.model_folder(tmp_path / "served").iterdir()}

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            of, name = self.path.rpartition("/")[::2]
            data = files.get(name) if of == "/of/tiny/resolve/main" else None
            self.send_response(200 if data is not None else 404)
            if data is None:
                self.send_header("X-Error-Code", "EntryNotFound" if "/of/tiny/" in self.path else "RepoNotFound")
            else:
                self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            if with_body and data:
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — as it is called there
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> object:
    def ask(url: str) -> None:
        for name in ("constants.ENDPOINT", "file_download.constants.ENDPOINT"):
            monkeypatch.setattr(f"huggingface_hub.{name}", url)
        template = url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)

    return ask


def test_weights_are_fetched_once_into_the_cache(hub: str, endpoint: object, tmp_path: Path) -> None:
    """By the first run that needs them; after that without a network."""
    assert callable(endpoint)
    endpoint(hub)
    settings = tiny.chosen(tmp_path, "hub:of/tiny")
    assert model_of(settings).version == "open_clip-unavailable"
    ready = made_ready(settings)
    assert isinstance(ready, OpenClip)
    assert ready.problem is None
    endpoint("http://127.0.0.1:1")
    model = model_of(settings)
    assert model.version == ready.version
    assert model.embed(PHOTOS[0]).shape == (tiny.DIMS,)


def test_a_model_that_the_hub_does_not_have_is_told(hub: str, endpoint: object, tmp_path: Path) -> None:
    """One sentence, and no folder that looks like a model."""
    assert callable(endpoint)
    endpoint(hub)
    model = made_ready(tiny.chosen(tmp_path, "hub:of/nobody"))
    with pytest.raises(EmbeddingError, match="of/nobody is no model of open_clip that the hub gives to everybody"):
        model.embed(PHOTOS[0])


@pytest.mark.parametrize("weights", ["openai", "hub:of/tiny"])
def test_without_a_network_it_is_said_in_one_sentence(weights: str, endpoint: object, tmp_path: Path) -> None:
    """At once, with the setting and the ways out; nothing is retried."""
    assert callable(endpoint)
    endpoint("http://127.0.0.1:1")
    settings = tiny.chosen(tmp_path, weights, model_architecture="ViT-B-32")
    model = made_ready(settings)
    with pytest.raises(EmbeddingError, match=r"not in .*models, and http://127\.0\.0\.1:1 cannot be reached") as raised:
        model.embed(PHOTOS[0])
    assert raised.value.reason == "model_unavailable"
    assert f"MEDIA_MODEL_WEIGHTS='{weights}'" in raised.value.detail
    assert "MEDIA_MODEL=descriptor-512" in raised.value.detail


def test_offline_by_choice_is_told_apart(endpoint: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_HUB_OFFLINE is the person's own word."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    model = made_ready(tiny.chosen(tmp_path, "hub:of/tiny"))
    with pytest.raises(EmbeddingError, match="HF_HUB_OFFLINE forbids to fetch them"):
        model.embed(PHOTOS[0])


def test_a_cache_that_cannot_be_written_is_told(hub: str, endpoint: object, tmp_path: Path) -> None:
    """Here it is a file; a full disk and a read-only mount end in the same sentence."""
    assert callable(endpoint)
    endpoint(hub)
    (tmp_path / "cache").write_text("")
    model = made_ready(tiny.chosen(tmp_path, "hub:of/tiny", model_cache=tmp_path / "cache"))
    with pytest.raises(EmbeddingError, match=r"/cache cannot be written \("):
        model.embed(PHOTOS[0])


def test_auto_asks_no_network(tmp_path: Path) -> None:
    """Without weights here it is the descriptor, which needs none."""
    settings = tiny.chosen(tmp_path).model_copy(update={"model": "auto", "model_weights": ""})
    assert made_ready(settings).name == "descriptor-512"


def test_what_can_be_reached_has_no_trouble(hub: str) -> None:
    """A port that answers."""
    assert unreachable(hub) is None
    assert unreachable("http://127.0.0.1:1") == "Connection refused"
