"""What `deploy/` holds: it parses, it names only settings that there are, and its numbers fit the program."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.routing import APIRoute
from sqlalchemy import UniqueConstraint

from qiatan.entrypoints.polling import WAIT_SECONDS
from qiatan.entrypoints.tables import metadata
from qiatan.entrypoints.work_health import router as work_router
from qiatan.infra.http.middleware import MAX_UPLOAD
from qiatan.infra.nats_server import find_program
from qiatan.infra.settings import Settings
from tests.support.routes import description

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
# Of the other programs there, and what settings are put together from.
FOREIGN = {"NATS_TOKEN", "POD_NAME", "POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_USER", "SITE", "PATH"}
DRAIN_AND_ROOM = 20
OF_THE_IMAGE = {"HOST", "PORT", "DATA", "SECRET_KEY_FILE", "WORK_LISTEN"}
"""Settings that the image or another service gives."""

Document = dict[str, Any]


class _Noting(dict[str, str]):
    """An environment that notes what is asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return default


@pytest.fixture(scope="module")
def known() -> set[str]:
    """The settings that the program reads."""
    environment = _Noting()
    Settings.from_env(environment)
    assert {"DATABASE_URL", "WORKERS", "S3_BUCKET", "SECRET_KEY_FILE"} <= environment.asked
    return environment.asked


def _documents(path: Path) -> list[Document]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def _manifests() -> list[Document]:
    return [document for path in sorted(KUBERNETES.glob("*.yaml")) for document in _documents(path)]


def _the(kind: str, name: str) -> Document:
    (found,) = [document for document in _manifests() if document["kind"] == kind and document["metadata"]["name"] == name]
    return found


def _settings() -> dict[str, str]:
    """What `settings.env` says, as kustomize reads it: everything after the first `=`, quotes too."""
    lines = (KUBERNETES / "settings.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _workloads() -> Iterator[tuple[Document, Document]]:
    for document in _manifests():
        if document["kind"] in ("Deployment", "StatefulSet", "Job"):
            for container in document["spec"]["template"]["spec"]["containers"]:
                yield document, container


def _compose() -> Document:
    (document,) = _documents(DEPLOY / "compose.yaml")
    return document


def test_kubernetes_names_only_settings_that_there_are(known: set[str]) -> None:
    named = {*_settings(), *_the("Secret", "qiatan")["stringData"]}
    for _, container in _workloads():
        named |= {variable["name"] for variable in container.get("env", ())}
    assert named - FOREIGN <= known


def test_the_settings_of_kubernetes_are_understood() -> None:
    secret: dict[str, str] = dict.fromkeys(_the("Secret", "qiatan")["stringData"], "")
    secret |= {"DATABASE_URL": "postgresql://u:p@db/q", "SECRET_KEY": secrets.token_hex(32), "NATS_TOKEN": "qabc"}
    secret |= {"S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b", "SMTP_URL": "smtps://u:p@mail.example.com"}
    environment = {**_settings(), **secret}
    for variable in next(container for document, container in _workloads() if document["kind"] == "Deployment")["env"]:
        if "value" in variable:
            environment[variable["name"]] = re.sub(r"\$\((\w+)\)", lambda found: secret[found[1]], variable["value"])

    settings = Settings.from_env(environment)

    assert len(settings.nats_url) == 3
    assert all("qabc@nats-" in url for url in settings.nats_url)
    assert settings.s3 is not None
    assert settings.secret_key() == bytes.fromhex(secret["SECRET_KEY"])


def test_a_changed_setting_replaces_the_pods_that_read_it() -> None:
    """A plain ConfigMap of the same name would be changed and read by no pod that runs."""
    (kustomization,) = _documents(KUBERNETES / "kustomization.yaml")
    assert {"name": "qiatan", "envs": ["settings.env"]} in kustomization["configMapGenerator"]
    assert "disableNameSuffixHash" not in kustomization.get("generatorOptions", {})
    assert ("ConfigMap", "qiatan") not in {(one["kind"], one.get("metadata", {}).get("name")) for one in _manifests()}
    told = (KUBERNETES / "kustomization.yaml").read_text()
    for document, container in _workloads():
        if any("secretRef" in source for source in container.get("envFrom", ())):
            assert f"deployment/{document['metadata']['name']}" in re.search(r"rollout restart (.*)", told)[1]  # type: ignore[index]


def test_an_upgrade_replaces_every_container_of_the_program() -> None:
    services = _compose()["services"]
    image = services["qiatan"]["image"]
    staying = {name for name, service in services.items() if service.get("image") == image and "restart" in service}
    upgrade = (DEPLOY / "upgrade.md").read_text()
    assert set(re.findall(r"up -d --no-deps (\S+)", upgrade)) == staying
    for document, container in _workloads():
        if document["kind"] == "Deployment" and container["image"] == "qiatan":
            name = document["metadata"]["name"]
            assert re.search(rf"rollout status deployment/{name}$", upgrade, re.MULTILINE), name
            assert re.search(rf"rollout undo .*deployment/{name}\b", upgrade), name


def test_compose_names_only_settings_that_there_are_and_every_service_it_leans_on(known: set[str]) -> None:
    services = _compose()["services"]
    for name in ("qiatan", "migrate", "work"):
        assert set(services[name]["environment"]) <= known
    passed_on = set(services["qiatan"]["environment"])
    assert known - passed_on == OF_THE_IMAGE, "a setting in my.env reaches the program only where compose passes it on"
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for mount in service.get("volumes", ()):
            source = re.sub(r"^\$\{\w+:-(\w+)\}", r"\1", mount).partition(":")[0]
            assert source in _compose()["volumes"] or (DEPLOY / source).is_file(), mount


def test_what_every_setting_of_compose_becomes_is_understood() -> None:
    """With nothing given but what must be, and with everything that is passed on."""
    needed = {"SITE": "talk.example.com", "POSTGRES_PASSWORD": "abc", "NATS_TOKEN": "abc", "SECRET_KEY": secrets.token_hex(32)}
    more = {"FILES_SITE": "files.example.com", "BACKUP_AT": "03:30", "METRICS_TOKEN": secrets.token_hex(12), "ENTERPRISE_RATE": "5"}
    told = _compose()["services"]["qiatan"]["environment"]

    plain = Settings.from_env({name: _filled(str(text), needed) for name, text in told.items()})
    full = Settings.from_env({name: _filled(str(text), needed | more) for name, text in told.items()})

    assert (plain.public_url, plain.files_url, plain.backup_at, plain.workers) == ("https://talk.example.com", None, None, 2)
    assert (full.files_url, full.metrics_token, full.limits.messages) == ("https://files.example.com", more["METRICS_TOKEN"], 5)
    assert full.backup_at is not None
    assert str(full.backup_dir) in (DEPLOY / "Dockerfile").read_text(), "made there, so that its user may write to the volume"


def _filled(text: str, given: dict[str, str]) -> str:
    """As Compose puts variables in; the innermost first."""

    def put(found: re.Match[str]) -> str:
        name, how, other = found[1], found[2], found[3] or ""
        value = given.get(name, "")
        if how == ":+":
            return other if value else ""
        assert value or how != ":?", name
        return value or other

    while (filled := re.sub(r"\$\{(\w+)(?:(:[-+?])([^${}]*))?\}", put, text)) != text:
        text = filled
    return text


def test_the_unit_names_only_settings_that_there_are(known: set[str]) -> None:
    unit = (DEPLOY / "systemd" / "qiatan.service").read_text()
    assert set(re.findall(r"(\w+)=", re.findall(r"^Environment=(.*)$", unit, re.MULTILINE)[0])) <= known
    assert "ExecReload=/bin/kill -HUP $MAINPID" in unit
    assert "Type=notify" in unit


def test_who_counts_pods_is_not_contradicted() -> None:
    """A number of replicas beside an autoscaler takes the others away with each `apply`."""
    scaled = {(d["spec"]["scaleTargetRef"]["kind"], d["spec"]["scaleTargetRef"]["name"]) for d in _manifests() if "Autoscaler" in d["kind"]}
    assert scaled == {("Deployment", "qiatan")}
    for kind, name in scaled:
        assert "replicas" not in _the(kind, name)["spec"]


def test_selectors_find_their_pods_and_names_their_objects() -> None:
    pods = {(d["kind"], d["metadata"]["name"]): d["spec"]["template"]["metadata"]["labels"] for d, _ in _workloads() if d["kind"] != "Job"}
    for (kind, name), labels in pods.items():
        assert _the(kind, name)["spec"]["selector"]["matchLabels"] == labels
    every = list(pods.values())
    for document in _manifests():
        if document["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
            spec = document["spec"]
            selector = spec["podSelector"] if document["kind"] == "NetworkPolicy" else spec["selector"]
            assert selector.get("matchLabels", selector) in every, document["metadata"]
    (kustomization,) = _documents(KUBERNETES / "kustomization.yaml")
    assert all((KUBERNETES / name).is_file() for name in kustomization["resources"])
    assert "secret.example.yaml" not in kustomization["resources"]


def test_probes_ask_what_there_is_and_the_end_has_time_enough() -> None:
    paths = description()["paths"]
    deployment = _the("Deployment", "qiatan")["spec"]
    (container,) = deployment["template"]["spec"]["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in paths
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    _worker_is_asked_where_it_listens()
    drain = int(_settings()["DRAIN_SECONDS"])
    assert deployment["template"]["spec"]["terminationGracePeriodSeconds"] >= drain + DRAIN_AND_ROOM
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    service = _compose()["services"]["qiatan"]
    assert int(service["stop_grace_period"].removesuffix("s")) >= int(service["environment"]["DRAIN_SECONDS"]) + DRAIN_AND_ROOM


def _worker_is_asked_where_it_listens() -> None:
    """Pods that answer leave the jobs to those of `qiatan work`, whose probes go to WORK_LISTEN and to what is there."""
    (container,) = _the("Deployment", "qiatan-work")["spec"]["template"]["spec"]["containers"]
    assert _settings()["WORKER"] == "off"
    assert container["args"] == ["work"]
    port = next(one["value"] for one in container["env"] if one["name"] == "WORK_LISTEN").rpartition(":")[2]
    assert container["ports"] == [{"name": "health", "containerPort": int(port)}]
    there = {route.path for route in work_router.routes if isinstance(route, APIRoute)}
    asked = {probe: container[probe]["httpGet"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {asking["port"] for asking in asked.values()} == {"health"}
    assert {asking["path"] for asking in asked.values()} <= there
    assert (asked["readinessProbe"]["path"], asked["livenessProbe"]["path"]) == ("/readyz", "/livez")
    service = _compose()["services"]["work"]
    assert service["environment"]["WORK_LISTEN"] in service["healthcheck"]["test"][-1]


@pytest.mark.parametrize(
    ("file", "body", "waits"),
    [
        ("proxies/nginx.conf", r"client_max_body_size (12)m;", r"proxy_read_timeout (\d+)s;"),
        ("proxies/haproxy.cfg", r"req\.body_size gt (12582912) ", r"timeout server (\d+)s"),
        ("proxies/Caddyfile", r"max_size (12)MiB", None),
        ("proxies/compose.Caddyfile", r"max_size (12)MiB", None),
        ("kubernetes/ingress.yaml", r"proxy-body-size: (12)m", r"proxy-read-timeout: \"(\d+)\""),
    ],
)
def test_proxies_let_pictures_and_long_polls_through(file: str, body: str, waits: str | None) -> None:
    text = (DEPLOY / file).read_text()
    found = re.search(body, text)
    assert found is not None
    assert int(found[1]) * (1 if int(found[1]) > 1024 else 1024 * 1024) == MAX_UPLOAD
    if waits is not None:
        told = re.search(waits, text)
        assert told is not None
        assert int(told[1]) > WAIT_SECONDS + 10
    settings = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    assert not re.search(r"ip_hash|sticky|cookie|affinity|balance source", settings)


def test_the_bus_servers_understand_their_configurations(tmp_path: Path) -> None:
    program = find_program()
    assert program is not None
    for text in (_the("ConfigMap", "nats")["data"]["nats.conf"], _compose()["configs"]["nats"]["content"].replace("$$", "$")):
        file = tmp_path / "nats.conf"
        file.write_text(text)
        tried = subprocess.run(
            [program, "-t", "-c", str(file)],
            env={**os.environ, "NATS_TOKEN": "qabc", "POD_NAME": "nats-0"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert tried.returncode == 0, tried.stderr


def test_a_bus_server_that_is_to_go_sends_its_clients_away_before_it_ends(tmp_path: Path) -> None:
    container = next(container for document, container in _workloads() if document["metadata"]["name"] == "nats")
    program, signal = container["lifecycle"]["preStop"]["exec"]["command"]
    assert (program, signal.rpartition("=")[2]) == ("nats-server", "1"), "the first process of its container"
    found = find_program()
    assert found is not None
    log = tmp_path / "nats.log"
    with subprocess.Popen([found, "-a", "127.0.0.1", "-p", "-1", "-l", str(log)]) as server:
        try:
            deadline = time.monotonic() + 30
            while not (log.exists() and "Server is ready" in log.read_text()):
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            told = subprocess.run([found, f"{signal.rpartition('=')[0]}={server.pid}"], timeout=30, check=False)
            assert told.returncode == 0
            assert server.wait(30) == 0
        finally:
            server.kill()
    assert "Entering lame duck mode" in log.read_text()


def test_what_cannot_be_distributed_by_company_is_named() -> None:
    """As `growing.md` says of Citus, which refuses these."""
    of_companies = [table for table in metadata.tables.values() if "enterprise_id" in table.columns]
    for table in of_companies:
        assert next(column.name for column in table.primary_key.columns) == "enterprise_id", table.name
        for constraint in table.foreign_key_constraints:
            assert next(column.name for column in constraint.columns) == "enterprise_id", constraint.name
        uniques = [constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
        assert all("enterprise_id" in constraint.columns for constraint in uniques), table.name
    refused = {
        table.name
        for table in of_companies
        for index in table.indexes
        if index.unique and not any("enterprise_id" in str(expression) for expression in index.expressions)
    }
    text = (DEPLOY / "growing.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"\| a unique index without the column \| ([^|]*) \|", text)
    assert set(re.findall(r"`(\w+)`", row)) - {"avatar"} == refused
    local = re.search(r"co-located with it, since.*?;(.*?)stay local", text, re.DOTALL)
    assert local is not None
    apart = {table.name for table in metadata.tables.values()} - {table.name for table in of_companies} - {"enterprises"}
    assert set(re.findall(r"`(\w+)`", local[1])) - {"alembic_version"} == apart


def test_the_image_is_built_from_what_there_is() -> None:
    lines = (DEPLOY / "Dockerfile").read_text()
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", lines, re.MULTILINE):
        for name in copied.split():
            assert (ROOT / name).exists(), name
    assert lines.count("--require-hashes") == 2
    kept = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert {"src", "web", "migrations", "requirements.lock", "requirements-build.lock", "pyproject.toml"} <= set(kept)
