"""Deployment by settings alone: what the files of deploy/ name exists, as far as that shows without running them.

What is not here: building the image and starting the services; there is no container engine where tests run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.config import dagster_instance_config
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from dagster._core.workspace.load import location_origins_from_yaml_paths
from typer.main import get_command

import media_pipeline
from media_pipeline.cli import app
from media_pipeline.config import PREFIX, Settings
from media_pipeline.stores.catalog.embedded import Embedded

ROOT = Path(media_pipeline.__file__).parent.parent
COMPOSE = ROOT / "docker-compose.yml"
KUBERNETES = ROOT / "deploy" / "kubernetes"
MANIFESTS = sorted(
    path for path in KUBERNETES.glob("*.yaml") if path.name not in ("dagster.yaml", "kustomization.yaml")
)
INSTANCES = [ROOT / "deploy" / "dagster.yaml", KUBERNETES / "dagster.yaml"]
EVERY_FILE = sorted(
    [
        COMPOSE,
        ROOT / "workspace.yaml",
        ROOT / "dagster.yaml",
        *(ROOT / "deploy").rglob("*.y*ml"),
        ROOT / "deploy/example.env",
    ]
)
PINNED = re.compile(r"[a-z0-9./-]+:(?!latest)v?[A-Za-z0-9][A-Za-z0-9._-]*\.[A-Za-z0-9._-]*|[a-z/]+:RELEASE\.[0-9TZ-]+")
TRIED_BY_DAGSTER = {
    "DAGSTER_POSTGRES_URL": "postgresql://media:none@127.0.0.1:1/dagster",
    "DAGSTER_LOGS_BUCKET": "logs",
    "DAGSTER_LOGS_ENDPOINT_URL": "http://127.0.0.1:1",
    "DAGSTER_LOGS_REGION": "us-east-1",
    "DAGSTER_CODE_HOST": "code",
    "DAGSTER_CURRENT_IMAGE": "media-pipeline:0.1.0",
    "DAGSTER_NAMESPACE": "media-pipeline",
}


def _mappings(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _mappings(child)


def documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def services() -> Mapping[str, Mapping[str, Any]]:
    (compose,) = documents(COMPOSE)
    found: Mapping[str, Mapping[str, Any]] = compose["services"]
    return found


def every_value(node: Any, key: str) -> Iterator[Any]:
    """What stands under this key, at any depth."""
    return (each[key] for each in _mappings(node) if key in each)


def variables_given() -> dict[str, dict[str, str]]:
    """The environment that each deployment gives to our processes."""
    (configured,), (secret,) = documents(KUBERNETES / "configmap.yaml"), documents(KUBERNETES / "secret.example.yaml")
    return {
        "compose": dict(services()["code"]["environment"]),
        "kubernetes": {**configured["data"], **secret["stringData"]},
    }


@pytest.mark.parametrize("path", EVERY_FILE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_setting_that_is_named_exists(path: Path) -> None:
    """Also in comments: a name that is none would be left out without a word."""
    named = set(re.findall(rf"\b{PREFIX}[A-Z0-9_]*[A-Z0-9]\b", path.read_text("utf-8")))
    assert named <= {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("place", ["compose", "kubernetes"])
def test_the_settings_of_a_deployment_load(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers for everything: nothing of the library stays in a container."""
    for name, value in variables_given()[place].items():
        monkeypatch.setenv(name, re.sub(r"\$\{[^}]*\}", "x@example.org" if name == "MEDIA_CONTACT" else "x", value))
    settings = Settings.load()
    assert settings.database_url is not None
    assert settings.qdrant_url is not None
    assert settings.blob_url.startswith("s3://")
    assert settings.uploads_url.startswith("s3://")


def test_every_image_is_pinned() -> None:
    """A tag that moves would change a deployment that nobody has changed."""
    images = [
        image for path in (COMPOSE, *MANIFESTS) for each in documents(path) for image in every_value(each, "image")
    ]
    images += re.findall(r"^FROM (\S+)", (ROOT / "deploy/Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert len(images) >= 10
    assert [image for image in images if not PINNED.fullmatch(image)] == []


def test_our_image_carries_the_version_of_the_package() -> None:
    """In compose, in the manifests, and for the pods of runs."""
    own = f"media-pipeline:{media_pipeline.__version__}"
    images = [
        image for path in (COMPOSE, *MANIFESTS) for each in documents(path) for image in every_value(each, "image")
    ]
    assert {image for image in images if image.startswith("media-pipeline:")} == {own}
    assert variables_given()["kubernetes"]["DAGSTER_CURRENT_IMAGE"] == own


def test_every_service_that_others_wait_for_says_when_it_is_ready() -> None:
    """`service_healthy` needs a health check, `service_completed_successfully` a service that ends."""
    for name, service in services().items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services()[other], (name, other)
            else:
                assert services()[other].get("restart", "no") == "no", (name, other)


def test_volumes_and_files_that_compose_mounts_exist() -> None:
    """A misspelt volume is an error, a misspelt folder an empty one."""
    (compose,) = documents(COMPOSE)
    for service in services().values():
        for mounted in service.get("volumes", []):
            source = mounted.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"], mounted


def test_nothing_is_open_to_other_hosts() -> None:
    """Dagster's page asks nobody for a password."""
    ports = [port for service in services().values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_example_has_every_variable_that_compose_asks_for() -> None:
    """Compose ends with an error at one that is missing."""
    asked = set(re.findall(r"\$\{([A-Z0-9_]+)", COMPOSE.read_text("utf-8")))
    given = set(re.findall(r"^([A-Z0-9_]+)=", (ROOT / "deploy/example.env").read_text("utf-8"), re.MULTILINE))
    assert asked == given


def test_our_own_commands_exist() -> None:
    """`media-pipeline migrate`, and whatever else a container is told to run."""
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    told = [service["command"] for service in services().values() if "command" in service]
    told += [args for path in MANIFESTS for each in documents(path) for args in every_value(each, "args")]
    told += [
        shlex.split(line.strip())
        for line in (ROOT / "deploy/README.md").read_text("utf-8").splitlines()
        if line.startswith("    ") and "media-pipeline doctor" in line
    ]
    own = [words[words.index("media-pipeline") + 1] for words in told if "media-pipeline" in words]
    assert set(own) == {"migrate", "doctor"}
    assert set(own) <= known


@pytest.mark.parametrize("path", INSTANCES, ids=["servers", "kubernetes"])
def test_dagster_takes_the_instance_settings(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own schema; every class is loaded and its config checked, with the variables that a deployment gives."""
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_bytes(path.read_bytes())
    place = "compose" if path.parent.name == "deploy" else "kubernetes"
    named = {each["env"] for each in _mappings(documents(path)) if set(each) == {"env"}}
    assert named <= set(variables_given()[place])
    for name in named:
        monkeypatch.setenv(name, TRIED_BY_DAGSTER[name])

    config, _custom = dagster_instance_config(str(home))
    assert config["telemetry"] == {"enabled": False}
    assert config["run_monitoring"]["max_runtime_seconds"] == 86_400
    reference = InstanceRef.from_dir(str(home))
    stored = [reference.run_storage_data, reference.event_storage_data, reference.schedule_storage_data]
    assert {data.class_name for data in stored if data} == {
        "PostgresRunStorage",
        "PostgresEventLogStorage",
        "PostgresScheduleStorage",
    }
    for data in (reference.compute_logs_data, reference.run_launcher_data):
        assert data is not None
        # Not rehydrated: the launcher of runs in pods looks for a cluster at once.
        loaded = getattr(import_module(data.module_name), data.class_name)
        checked = process_config(resolve_to_config_type(loaded.config_type()), yaml.safe_load(data.config_yaml))
        assert checked.success, checked.errors


@pytest.fixture
def dagster_url(cluster: Embedded) -> Iterator[str]:
    """A database without the catalog's tables, as create-dagster-database.sql makes it."""
    with psycopg.connect(cluster.conninfo, autocommit=True) as connection:
        connection.execute((ROOT / "deploy/postgres/create-dagster-database.sql").read_bytes())
        yield cluster.url_to("dagster")
        connection.execute("drop database dagster with (force)")


def test_dagster_keeps_its_runs_in_postgresql(
    dagster_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance of deploy/dagster.yaml on a real database: its tables are made there."""
    (tmp_path / "dagster.yaml").write_bytes(INSTANCES[0].read_bytes())
    for name, value in (TRIED_BY_DAGSTER | {"DAGSTER_POSTGRES_URL": dagster_url}).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_runs_count() == 0
        assert instance.schedule_storage is not None
        assert not instance.telemetry_enabled
    assert not list(tmp_path.glob("**/*.db"))


def test_a_deployment_knows_the_code_location_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as everywhere: schedules and sensors are remembered under it."""
    monkeypatch.setenv("DAGSTER_CODE_HOST", "code")
    (origin,) = location_origins_from_yaml_paths([str(ROOT / "deploy" / "workspace.yaml")])
    assert isinstance(origin, GrpcServerCodeLocationOrigin)
    assert (origin.location_name, origin.host, origin.port) == ("media-pipeline", "code", 4000)
