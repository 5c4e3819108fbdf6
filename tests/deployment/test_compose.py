"""`docker-compose.yml` against the Compose specification, the image, and the settings of both programs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from fse_portal.cli import GRACE_SECONDS as PORTAL_GRACE
from fse_portal.settings import Settings as PortalSettings
from fse_portal.settings import load_settings as load_portal_settings
from ruamel.yaml import YAML

from idp.configuration import ConfigurationErrors
from idp.configuration.layers import SELECTOR
from idp.serving import GRACE_SECONDS as IDP_GRACE
from idp.serving import unsafe
from idp.settings import load_settings
from tests.deployment.compose import FILE, ROOT, Service, placed, required_variables, services

ADDRESSES = {"IDP_ISSUER": "https://idp.example.org", "FSE_PORTAL_BASE_URL": "https://fse.example.org"}
SERVICES = services(**ADDRESSES)
OURS = [service for service in SERVICES.values() if service.is_ours]
DOCUMENT = YAML(typ="safe").load(FILE)

# The keys of the Compose specification that this file uses, with what each may be.
KEYS: dict[str, type | tuple[type, ...]] = {
    "image": str,
    "build": str,
    "restart": str,
    "stop_grace_period": str,
    "read_only": bool,
    "tmpfs": list,
    "cap_drop": list,
    "security_opt": list,
    "environment": dict,
    "volumes": list,
    "networks": list,
    "network_mode": str,
    "command": list,
    "depends_on": dict,
    "ports": list,
    "healthcheck": dict,
}
IMAGE = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)?(:[A-Za-z0-9._-]+)?")

each = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
each_of_ours = pytest.mark.parametrize("service", OURS, ids=[service.name for service in OURS])


def dockerfile() -> list[tuple[str, str]]:
    """The instructions, continued lines joined."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def final_stage() -> list[tuple[str, str]]:
    """The instructions after the last FROM."""
    instructions = dockerfile()
    last = max(number for number, (name, _) in enumerate(instructions) if name == "FROM")
    return instructions[last + 1 :]


def seconds(duration: str) -> int:
    found = re.fullmatch(r"(\d+)s", duration)
    assert found, duration
    return int(found[1])


def test_top_level_and_the_services_of_the_issue() -> None:
    assert {key for key in DOCUMENT if not key.startswith("x-")} == {
        "name",
        "services",
        "networks",
        "volumes",
    }
    assert set(SERVICES) == {"secrets", "migrate", "provider", "worker", "portal", "database", "valkey"}


@each
def test_a_service_has_known_keys_of_the_right_kind(service: Service) -> None:
    assert set(service.data) <= set(KEYS)
    assert all(isinstance(value, KEYS[key]) for key, value in service.data.items())
    assert IMAGE.fullmatch(service.data["image"]), "an image without the host of a registry"
    assert service.data["restart"] in ("no", "unless-stopped")
    assert not {"networks", "network_mode"} <= set(service.data)


@each
def test_dependencies_exist_can_be_met_and_do_not_turn_in_a_circle(service: Service) -> None:
    for name, condition in service.waits_for.items():
        needed = SERVICES[name]
        assert condition == ("service_completed_successfully" if needed.is_step else "service_healthy")
        assert needed.is_step or "healthcheck" in needed.data
    seen: set[str] = set()
    open_ones = list(service.waits_for)
    while open_ones:
        name = open_ones.pop()
        seen.add(name)
        open_ones += [other for other in SERVICES[name].waits_for if other not in seen]
    assert service.name not in seen
    assert service.name == "secrets" or "secrets" in seen


@each
def test_what_runs_on_has_a_health_check_and_what_ends_has_none(service: Service) -> None:
    assert ("healthcheck" in service.data) != service.is_step
    if not service.is_step:
        assert set(service.data["healthcheck"]) == {"test", "start_period", "interval", "timeout"}
        assert service.data["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
        assert all(
            seconds(service.data["healthcheck"][name]) for name in ("start_period", "interval", "timeout")
        )


@each
def test_volumes_networks_and_mounted_files_exist(service: Service) -> None:
    for mount in service.mounts:
        if mount.is_bind:
            assert (FILE.parent / mount.source).is_dir()
            assert mount.read_only
        else:
            assert mount.source in DOCUMENT["volumes"]
    assert set(service.data.get("networks", ())) <= set(DOCUMENT["networks"])


def test_nothing_is_declared_in_vain() -> None:
    used = {mount.source for service in SERVICES.values() for mount in service.mounts}
    assert set(DOCUMENT["volumes"]) == {name for name in used if not name.startswith(".")}
    joined = {name for service in SERVICES.values() for name in service.data.get("networks", ())}
    assert set(DOCUMENT["networks"]) == joined


def test_secrets_are_written_by_one_step_and_each_is_given_to_whom_it_is_for() -> None:
    readers: dict[str, set[str]] = {}
    for service in SERVICES.values():
        for mount in service.mounts:
            if mount.source.endswith("-secrets"):
                assert mount.read_only != (service.name == "secrets")
                readers.setdefault(mount.source, set()).add(service.name)
    assert readers == {
        "database-secrets": {"secrets", "database"},
        "valkey-secrets": {"secrets", "valkey"},
        "provider-secrets": {"secrets", "migrate", "provider", "worker"},
        "portal-secrets": {"secrets", "portal"},
    }


@each
def test_no_secret_stands_in_the_file_and_nothing_has_a_default(service: Service) -> None:
    named = [name for name in service.environment if re.search("PASSWORD|SECRET|KEY|_URL_FILE", name)]
    assert all(name.endswith("_FILE") for name in named)
    assert required_variables() == set(ADDRESSES)
    assert "${" not in re.sub(r"\$\{[A-Z_]+:\?[^}]+\}", "", FILE.read_text())


def test_stores_are_reached_from_inside_only_and_ports_are_loopback_ones_that_programs_listen_on() -> None:
    assert DOCUMENT["networks"]["stores"]["internal"] is True
    settings = YAML(typ="safe").load(ROOT / "config" / "idp.yaml")
    listened = {
        "provider": settings["listen"]["port"],
        "portal": PortalSettings.model_fields["port"].default,
    }
    published = {
        service.name: service.data["ports"] for service in SERVICES.values() if "ports" in service.data
    }
    assert published == {name: [f"127.0.0.1:{port}:{port}"] for name, port in listened.items()}
    exposed = next(rest for name, rest in final_stage() if name == "EXPOSE")
    assert sorted(exposed.split()) == sorted(str(port) for port in listened.values())
    for name, port in listened.items():
        assert f"http://127.0.0.1:{port}/healthz" in SERVICES[name].data["healthcheck"]["test"][-1]


@each_of_ours
def test_programs_are_given_time_to_end_what_is_under_way(service: Service) -> None:
    assert seconds(service.data["stop_grace_period"]) > max(IDP_GRACE, PORTAL_GRACE)


@pytest.mark.parametrize("name", ["migrate", "provider", "worker"])
def test_the_provider_takes_every_variable(name: str, tmp_path: Path) -> None:
    (tmp_path / "database_url").write_text("postgresql://idp:secret@database/idp\n")
    (tmp_path / "ephemeral_url").write_text("redis://:secret@valkey:6379/0\n")
    variables = {
        variable: placed(value, {"/run/idp": tmp_path})
        for variable, value in SERVICES[name].environment.items()
    }
    settings = load_settings(ROOT / "config" / "idp.yaml", variables)
    assert (settings.issuer, settings.listen.host) == (ADDRESSES["IDP_ISSUER"], "0.0.0.0")
    assert settings.database_url == "postgresql://idp:secret@database/idp"
    assert settings.ephemeral_url == "redis://:secret@valkey:6379/0"
    assert settings.keyring_file == tmp_path / "keyring"
    assert settings.pepper_file == tmp_path / "pepper"
    assert settings.clients_folder == tmp_path / "clients"
    assert not unsafe(settings)
    with pytest.raises(ConfigurationErrors, match="IDP_DATABSE_URL"):
        load_settings(ROOT / "config" / "idp.yaml", variables | {"IDP_DATABSE_URL": "sqlite:///x"})


def test_the_portal_takes_every_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "client_secret").write_text("client")
    (tmp_path / "secret_key").write_text("k" * 43)
    environment = SERVICES["portal"].environment
    for variable, value in environment.items():
        monkeypatch.setenv(variable, placed(value, {"/run/portal": tmp_path}))
    settings = load_portal_settings()
    assert (settings.issuer, settings.base_url) == tuple(ADDRESSES.values())
    assert settings.client_secret.get_secret_value() == "client"
    # The portal ignores what it does not know, so a wrong name would pass above.
    named = {variable.removeprefix("FSE_PORTAL_").removesuffix("_FILE").lower() for variable in environment}
    assert named <= set(PortalSettings.model_fields)


@each_of_ours
def test_commands_and_mounted_paths_are_in_the_image(service: Service) -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    program, argument, *_ = service.data["command"]
    assert program in {*scripts, "sh"}
    if program == "sh":
        assert Path(placed(argument, {"/etc/idp": ROOT / "config"})).is_file()
    made = " ".join(rest for name, rest in final_stage() if name == "RUN")
    for mount in service.mounts:
        # A new volume takes owner and mode from the folder of the image that it is mounted over.
        assert mount.target == "/etc/idp" or re.search(rf"install -d -o idp [^&]* {mount.target}\b", made)
    for path in (value for value in service.environment.values() if value.startswith("/")):
        assert any(Path(path).is_relative_to(mount.target) for mount in service.mounts), path


def test_the_image_is_built_from_the_hashed_lock_and_runs_without_rights() -> None:
    stages = [rest.split()[0] for name, rest in dockerfile() if name == "FROM"]
    assert len(stages) == 2
    assert all(IMAGE.fullmatch(stage) for stage in stages)
    commands = [command for name, rest in dockerfile() if name == "RUN" for command in rest.split("&&")]
    installs = [command for command in commands if "pip install" in command or "pip wheel" in command]
    assert all("--require-hashes" in command or "--no-deps" in command for command in installs)
    last = final_stage()
    assert not [rest for name, rest in last if name == "RUN" and "pip" in rest]
    user = next(rest for name, rest in last if name == "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    variables = " ".join(rest for name, rest in last if name == "ENV")
    assert f"{SELECTOR}=/etc/idp/idp.yaml" in variables
    assert ("CMD", '["idp", "serve"]') in last


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = set()
    for name, rest in dockerfile():
        if name == "COPY" and not rest.startswith("--from"):
            copied |= set(rest.split()[:-1])
    assert all((ROOT / path).exists() for path in copied)
    assert {path.split("/")[0] for path in copied} == kept
