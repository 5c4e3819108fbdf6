"""``idp clients try`` against a running provider: a right service passes, and each fault has its own plain line."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML
from sqlalchemy import select

from idp.cli import main
from idp.commands.trying import registration
from idp.storage.schema import account, signed_in_session
from tests.assertions import public_jwk
from tests.commands.service import Does, Service, running_service
from tests.deployment.processes import clean
from tests.interop.running import DIGEST, SECRET, TrueClock, running_provider
from tests.partners import running as answering
from tests.provider import PASSWORD, Provider, Someone
from tests.servers import free_port

pytestmark = pytest.mark.server

Try = Callable[..., Result]
IDP = str(Path(sys.executable).with_name("idp"))
TAKEN = "the provider takes it (client_secret_basic)"
BASE: dict[str, Any] = {
    "name": "Service essayé",
    "token_endpoint_auth_method": "client_secret_basic",
    "client_secret_sha256": DIGEST,
    "scope": ["openid", "profile"],
    "profiles": ["health_professional"],
    "mfa": "optional",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("try")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[tuple[Provider, Service]]:
    with running_service("tried", SECRET) as service:
        at = service.address
        of_service = {"initiate_login_uri": f"{at}/login"}
        clients = [
            {
                **BASE,
                **of_service,
                "client_id": "tried",
                "redirect_uris": [f"{at}/callback"],
                "post_logout_redirect_uris": [f"{at}/goodbye"],
                "backchannel_logout_uri": f"{at}/logout",
            },
            {
                **BASE,
                **of_service,
                "client_id": "signing",
                "redirect_uris": [f"{at}/callback"],
                "token_endpoint_auth_method": "private_key_jwt",
                "client_secret_sha256": [],
                "jwks_uri": f"{at}/keys",
            },
            *(
                {**BASE, **of_service, "redirect_uris": [f"{at}/callback"], "client_id": name, **more}
                for name, more in (("strict", {"floor": "mfa"}), ("asking", {"consent": "required"}))
            ),
            {**BASE, "client_id": "away", "redirect_uris": [f"https://127.0.0.1:{free_port()}/callback"]},
            {
                **BASE,
                "client_id": "phone",
                "application_type": "native",
                "token_endpoint_auth_method": "none",
                "client_secret_sha256": [],
                "redirect_uris": ["http://127.0.0.1/cb", "com.fund.app:/cb"],
                "post_logout_redirect_uris": ["http://127.0.0.1/bye"],
            },
        ]
        with running_provider(folder, clients) as provider:
            service.issuer = provider.settings.issuer
            yield provider, service


@pytest.fixture
def provider(running: tuple[Provider, Service]) -> Provider:
    return running[0]


@pytest.fixture
def service(running: tuple[Provider, Service]) -> Service:
    running[1].does, running[1].client_id = Does(), "tried"
    return running[1]


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return itertools.count(700_001)


@pytest.fixture
def doctor(provider: Provider, numbers: Iterator[int]) -> Someone:
    return provider.add(str(next(numbers)), "ROCHE Anne", mfa=True)


@pytest.fixture
def tried(folder: Path, service: Service, tmp_path: Path) -> Try:
    (tmp_path / "secret").write_text(f"{SECRET}\n")

    def run(*arguments: str, client_id: str = "tried", **variables: str) -> Result:
        words = ("clients", "try", client_id, "--secret-file", str(tmp_path / "secret"), *arguments)
        environment = {"IDP_CONFIG": str(folder / "idp.yaml"), **variables}
        return CliRunner().invoke(main, words, env=environment)

    return run


def wrong(result: Result) -> list[str]:
    assert (result.exit_code == 1) == ("WRONG" in result.stdout), result.output
    return [line for line in result.stdout.splitlines() if line.startswith("WRONG")]


def test_a_right_service_passes_every_station(tried: Try, service: Service) -> None:
    result = tried()
    assert (result.exit_code, wrong(result)) == (0, []), result.stdout
    lines = result.stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    told = {line.split()[1].rstrip(":") for line in lines}
    assert told >= {
        "provider",
        "clock",
        "registration",
        "request",
        "secret",
        "callback",
        "logout",
        "sign-out",
    }
    assert "… opening the service's start page" in result.stderr
    assert result.stderr.endswith("Service essayé: nothing wrong\n")
    assert SECRET not in result.output


def test_as_json_it_is_one_object(tried: Try) -> None:
    told = json.loads(tried("--json").stdout)
    assert (told["client_id"], told["ok"]) == ("tried", True)
    assert {"about": "request", "level": "right", "says": "it uses PKCE with S256", "todo": ""} in told[
        "findings"
    ]


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        ({"redirect_uri": "{at}/callback/"}, "request: its redirect_uri {at}/callback/ is not registered; "
         "the nearest is {at}/callback: a slash at the end differs."),
        ({"redirect_uri": "{at}/Callback"}, "request: its redirect_uri {at}/Callback is not registered; "
         "the nearest is {at}/callback: capitals in the path differs."),
        ({"redirect_uri": None}, "request: it sends no redirect_uri."),
        ({"code_challenge": None, "code_challenge_method": None},
         "request: it sends no code_challenge (PKCE), and its file demands it."),
        ({"code_challenge_method": "plain"}, "request: its code_challenge_method is plain; only S256"),
        ({"client_id": "somebody"}, "request: its client_id is 'somebody', the file's 'tried'."),
        ({"scope": "openid email"}, "request: it asks for the scope email, which its file does not have."),
        ({"scope": "profile"}, "request: its scope lacks openid."),
        ({"response_type": "id_token"}, "request: response_type is 'id_token'; only the code flow"),
        ({"response_mode": "fragment"}, "request: response_mode 'fragment' is not offered."),
    ],
    ids=["slash", "capital", "no address", "no PKCE", "plain", "client", "scope", "openid", "type", "mode"],
)  # fmt: skip
def test_a_fault_of_the_services_request_is_said(
    tried: Try, service: Service, does: dict[str, str | None], expected: str
) -> None:
    at = service.address
    service.does.request = {name: value and value.format(at=at) for name, value in does.items()}
    lines = wrong(tried())
    assert any(line.removeprefix("WRONG  ").startswith(expected.format(at=at)) for line in lines), lines
    assert all(" → " in line for line in lines)


def test_what_only_the_provider_sees_in_the_request_is_said_in_its_words(
    tried: Try, service: Service
) -> None:
    service.does.request = {"max_age": "soon"}
    [line] = wrong(tried())
    assert line.startswith("WRONG  request: the provider refuses it: max_age")


def test_http_behind_a_proxy_is_told_from_any_other_address(tried: Try, service: Service) -> None:
    service.does.request = {"client_id": "away", "redirect_uri": "http://127.0.0.1:1/callback"}
    lines = wrong(tried("--start", f"{service.address}/login", client_id="away"))
    [line] = [line for line in lines if "redirect_uri" in line]
    assert "the scheme (http, not https) and the port (1, not " in line
    assert "→ Behind a proxy the service must believe X-Forwarded-Proto" in line
    [line] = [line for line in lines if line.startswith("WRONG  callback:")]
    assert "nothing listens there (connection refused)" in line


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        ({"endpoint": "http://127.0.0.1:1/authorize"},
         "start page: it asks http://127.0.0.1:1/authorize for a sign-in, not {issuer}/oauth2"),
        ({"start": 500}, "start page: {at}/login answers 500. → Look into the service's log"),
        ({"start": 200}, "start page: {at}/login ends at {at}/login and not at the provider."),
        ({"logout": 200}, "logout: the back channel takes a token that nobody signed (200): anybody can end sessions."),
        ({"logout": 302}, "logout: the back channel redirects (302)"),
        ({"logout": 403}, "logout: {at}/logout answers 403 before it looks at the token. → Except the address from"),
        ({"logout": 405}, "logout: {at}/logout answers 405: nothing takes the POST."),
        ({"callback": 404}, "callback: {at}/callback is not found (404)."),
        ({"goodbye": 401}, "sign-out: {at}/goodbye answers 401 to who was signed out."),
    ],
    ids=["issuer", "500", "no redirect", "unsigned", "redirects", "form protection", "no POST", "404", "401"],
)  # fmt: skip
def test_a_fault_of_an_address_is_said(
    tried: Try, service: Service, does: dict[str, Any], expected: str
) -> None:
    service.does = Does(**does)
    [line] = wrong(tried())
    told = expected.format(at=service.address, issuer=service.issuer)
    assert line.removeprefix("WRONG  ").startswith(told), line


def test_no_start_page_is_no_fault_but_said(tried: Try) -> None:
    result = tried(client_id="away")
    assert "?      start page: the service's own request was not looked at" in result.stdout
    assert "Name the page where a sign-in begins by --start" in result.stdout


def test_a_secret_that_is_not_the_files_is_said_without_asking_anybody(tried: Try, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("another-secret")
    result = tried("--secret-file", str(other))
    [line] = wrong(result)
    assert line.startswith(
        "WRONG  secret: it is not the secret whose SHA-256 the file has. → `idp clients new-secret`"
    )
    assert "another-secret" not in result.output


def changed_folder(folder: Path, into: Path, of: str, **values: Any) -> str:
    """Return a folder with one client file of which the running provider knows nothing."""
    made = into / "services"
    made.mkdir()
    yaml = YAML()
    data = yaml.load((folder / "services" / f"{of}.yaml").read_text()) | values
    with (made / f"{data['client_id']}.yaml").open("w") as file:
        yaml.dump(data, file)
    return str(made)


def test_a_secret_that_the_running_provider_does_not_have_is_said(
    tried: Try, folder: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    new.write_text("a-new-secret")
    ours = changed_folder(folder, tmp_path, "tried", client_secret_sha256=sha256(b"a-new-secret").hexdigest())
    [line] = wrong(tried("--secret-file", str(new), IDP_CLIENTS_FOLDER=ours))
    assert line.startswith(
        "WRONG  secret: it is the file's, but the running provider refuses it (client_secret_basic)."
        " → Does the provider run with this file?"
    )


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask as often, with hardly a pause: nobody will write the file."""
    monkeypatch.setattr(registration, "_PAUSE_SECONDS", 0.01)


@pytest.mark.usefixtures("impatient")
def test_a_client_that_the_running_provider_does_not_know_is_one_line(
    tried: Try, folder: Path, tmp_path: Path
) -> None:
    ours = changed_folder(folder, tmp_path, "tried", client_id="newcomer")
    lines = wrong(tried(client_id="newcomer", IDP_CLIENTS_FOLDER=ours))
    says = "registration: the running provider does not know 'newcomer' with any address of the file. → Does it read"
    assert lines[0].startswith(f"WRONG  {says}")
    assert sum("registration" in line for line in lines) == 1


def test_a_file_that_the_provider_has_not_taken_yet_is_waited_for(
    service: Service, folder: Path, tmp_path: Path
) -> None:
    """It is written to the provider's folder in the moment in which the wait begins."""
    ours = Path(changed_folder(folder, tmp_path, "tried", client_id="just-made")) / "just-made.yaml"
    theirs = folder / "services" / ours.name
    (tmp_path / "secret").write_text(SECRET)
    words = [IDP, "clients", "try", "just-made", "--json", "--secret-file", str(tmp_path / "secret")]
    variables = clean({"IDP_CONFIG": str(folder / "idp.yaml"), "IDP_CLIENTS_FOLDER": str(ours.parent)})
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, env=variables, **pipes) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        waits = 0
        for line in process.stderr:
            if "a new file counts within seconds" in line:
                waits += 1
                theirs.write_text(ours.read_text())
        told = json.loads(process.stdout.read())["findings"]
    theirs.unlink(missing_ok=True)
    assert (waits, [one["says"] for one in told if one["about"] == "registration"]) == (
        1,
        [f"answers go to {service.address}/callback", "an address that is not registered gets no answer"],
    )
    assert {"about": "secret", "level": "right", "says": TAKEN, "todo": ""} in told


@pytest.mark.usefixtures("impatient")
def test_an_address_and_a_scope_that_the_running_provider_does_not_know_are_said(
    tried: Try, service: Service, folder: Path, tmp_path: Path
) -> None:
    at = service.address
    both = [f"{at}/callback", f"{at}/home"]
    ours = changed_folder(folder, tmp_path, "tried", redirect_uris=both)
    [line] = wrong(tried(IDP_CLIENTS_FOLDER=ours))
    assert line.startswith(
        f"WRONG  registration: the running provider refuses the redirect address {at}/home (status 400)."
    )
    other = tmp_path / "scope"
    other.mkdir()
    ours = changed_folder(folder, other, "tried", scope=["openid", "email"])
    lines = wrong(tried(IDP_CLIENTS_FOLDER=ours))
    says = "is answered 'the configuration of this client does not allow a scope'"
    assert any(line.startswith("WRONG  registration: ") and says in line for line in lines)


def test_a_provider_that_is_not_there_ends_the_walk(tried: Try, service: Service) -> None:
    [line] = wrong(tried("--issuer", "http://127.0.0.1:1"))
    assert line.startswith("WRONG  provider: http://127.0.0.1:1 cannot be reached: nothing listens there")
    [line] = wrong(tried("--issuer", service.address))
    assert "answers 404, and no discovery document" in line
    [line] = wrong(tried("--issuer", service.issuer.replace("127.0.0.1", "localhost")))
    assert f"it says issuer '{service.issuer}', not 'http://localhost:" in line


def test_published_keys_are_judged_one_by_one(tried: Try, service: Service) -> None:
    service.client_id = "signing"
    [line] = wrong(tried(client_id="signing"))
    assert line.startswith(f"WRONG  keys: {service.address}/keys has no key that can be used.")
    service.does.keys = {"keys": [public_jwk("ec"), {"kty": "oct", "k": "AAAA"}]}
    result = tried(client_id="signing")
    assert wrong(result) == []
    assert f"ok     keys: 1 published at {service.address}/keys" in result.stdout
    assert (
        "advice keys: keys[1] is not taken. → Expected: a public key, without private members"
        in result.stdout
    )
    service.does.keys = ["none"]
    [line] = wrong(tried(client_id="signing"))
    assert f"{service.address}/keys answers 200, and no set of keys" in line


@pytest.fixture
def as_doctor(tmp_path: Path, doctor: Someone) -> list[str]:
    (tmp_path / "password").write_text(f"{doctor.password}\n")
    (tmp_path / "key").write_text(doctor.secret or "")
    files = ["--password-file", str(tmp_path / "password"), "--totp-secret-file", str(tmp_path / "key")]
    return ["--identifier", doctor.identifier, *files]


def test_somebody_signs_in_up_to_what_the_service_shows(
    tried: Try, as_doctor: list[str], service: Service, provider: Provider, doctor: Someone
) -> None:
    result = tried(*as_doctor)
    assert wrong(result) == []
    line = (
        f"ok     sign-in: the service shows {service.address}/home (200): 'Bonjour de la part du service'.\n"
        "ok     sign-in: the person is signed out again at the provider.\n"
    )
    assert result.stdout.endswith(line)
    with provider.parts.database.read() as connection:
        mine = account.c.identifier == doctor.identifier
        left = select(signed_in_session.c.sid).join(account).where(mine)
        assert connection.execute(left).all() == []
    assert PASSWORD not in result.output


def test_what_no_file_holds_is_asked_without_echo(
    folder: Path, service: Service, provider: Provider, doctor: Someone
) -> None:
    typed = f"{doctor.password}\n{doctor.code(cast('TrueClock', provider.clock))}\n"
    words = ["clients", "try", "tried", "--identifier", doctor.identifier]
    result = CliRunner().invoke(main, words, input=typed, env={"IDP_CONFIG": str(folder / "idp.yaml")})
    assert (result.exit_code, wrong(result)) == (0, [])
    # No terminal: the service's secret is not asked for, and said not to have been tried.
    assert "?      secret: it was not tried. → Give it by --secret-file\n" in result.stdout
    assert "Password: \n" in result.stderr
    assert doctor.password not in result.output


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        (
            {"secret": "wrong"},
            "the service answers 500 at {at}/callback: 'Erreur du service : invalid_client'. → Look",
        ),
        ({"forgets": True}, "service and provider send the person to and fro: the service keeps no session."),
        ({"request": {"acr_values": "gold"}}, None),
        ({"request": {"state": "fixed"}}, "the service answers 400 at {at}/callback"),
    ],
    ids=["secret", "cookie", "nothing", "state"],
)
def test_what_a_service_does_with_the_answer_is_said(
    tried: Try, as_doctor: list[str], service: Service, does: dict[str, Any], expected: str | None
) -> None:
    service.does = Does(**does)
    lines = wrong(tried(*as_doctor))
    assert len(lines) == (expected is not None)
    for line in lines:
        assert line.startswith(f"WRONG  sign-in: {str(expected).format(at=service.address)}"), line


def test_who_is_refused_is_told_apart(
    tried: Try, as_doctor: list[str], provider: Provider, numbers: Iterator[int], tmp_path: Path
) -> None:
    [line] = wrong(tried(*as_doctor, "--identifier", "999999"))
    assert line.startswith("WRONG  sign-in: identifier and password were refused.")
    (tmp_path / "key").write_text("A" * 32)
    [line] = wrong(tried(*as_doctor))
    assert line.startswith("WRONG  sign-in: the code was refused.")
    insured = provider.add(str(next(numbers)), "DURAND Marie", "insured")
    [line] = wrong(tried(*as_doctor, "--identifier", insured.identifier))
    assert line.startswith("WRONG  sign-in: the provider ends at its page refused (403: access_denied): ")
    assert "Ce service n'est pas ouvert à votre profil." in line
    assert "Aller au contenu" not in line
    assert "signin/" not in line
    assert "Does the file admit this account" in line


@pytest.mark.parametrize("kind", ["password", "code"])
def test_who_tries_too_often_is_told_how_long_to_wait(
    tried: Try, as_doctor: list[str], tmp_path: Path, kind: str
) -> None:
    if kind == "password":
        (tmp_path / "password").write_text("00000000")
    else:
        (tmp_path / "key").write_text("A" * 32)
    for _ in range(8):
        result = tried(*as_doctor)
        [line] = wrong(result)
        if "429" in line:
            break
    assert re.match(
        r"WRONG  sign-in: too many attempts: this one was not looked at \(429\)\. The next one counts in \d+ s\.",
        line,
    )


def test_what_no_file_can_hold_is_refused_before_anything_is_called(
    tried: Try, as_doctor: list[str], tmp_path: Path
) -> None:
    (tmp_path / "bad").write_bytes(b"\xff\xfe\x00s")
    (tmp_path / "no-key").write_text("not base32 key 0189!\n")
    (tmp_path / "empty").write_text("\n")
    for option, file in (
        ("--secret-file", "bad"),
        ("--password-file", "bad"),
        ("--totp-secret-file", "bad"),
        ("--totp-secret-file", "no-key"),
        ("--totp-secret-file", "empty"),
    ):
        result = tried(*as_doctor, option, str(tmp_path / file))
        assert (result.exit_code, result.stdout) == (2, ""), result.output
        assert f"Invalid value for {option}: " in result.stderr
        assert "expected" in result.stderr
        assert "0189" not in result.stderr


def test_a_redirect_to_what_is_no_address_is_said(tried: Try) -> None:
    with answering(None) as partner:
        partner.status, partner.headers = 302, {"Location": "http://[bad/"}
        start = f"http://127.0.0.1:{partner.port}/start"
        [line] = wrong(tried("--start", start))
    says = f"start page: {start} cannot be reached: it redirects to what is no address."
    assert line.removeprefix("WRONG  ").startswith(says)


def test_where_an_application_itself_listens_nothing_is_opened(tried: Try) -> None:
    result = tried(client_id="phone")
    assert (result.exit_code, wrong(result)) == (0, []), result.stdout
    says = "?      callback: http://127.0.0.1/cb was not opened: the application listens there during a sign-in alone"
    assert says in result.stdout
    assert "sign-out" not in result.stdout


@pytest.mark.parametrize("back", ["http://127.0.0.1:1/cb", "com.fund.app:/cb"], ids=["loopback", "scheme"])
def test_an_application_that_does_not_wait_is_no_fault_of_the_sign_in(
    tried: Try, as_doctor: list[str], service: Service, back: str
) -> None:
    service.does.request = {"client_id": "phone", "redirect_uri": back}
    result = tried(*as_doctor, "--start", f"{service.address}/login", client_id="phone")
    assert wrong(result) == []
    says = (
        f"?      sign-in: the answer went to {back}, where the application itself was not waiting for it.\n"
    )
    assert says in result.stdout
    assert result.stdout.endswith("ok     sign-in: the person is signed out again at the provider.\n")


def test_who_has_to_activate_first_is_told_so_and_nothing_is_activated(
    tried: Try, as_doctor: list[str], service: Service, provider: Provider, numbers: Iterator[int]
) -> None:
    service.client_id = "strict"
    newcomer = provider.add(str(next(numbers)), "MARTIN Paul")
    [line] = wrong(tried(*as_doctor, "--identifier", newcomer.identifier, client_id="strict"))
    assert line.startswith("WRONG  sign-in: this account has to activate double authentication first.")


def test_what_is_asked_on_the_way_is_agreed_to(tried: Try, as_doctor: list[str], service: Service) -> None:
    service.client_id = "asking"
    result = tried(*as_doctor, client_id="asking")
    assert wrong(result) == []
    assert "consent" in result.stderr


def test_with_a_fault_in_the_request_nobody_signs_in(
    tried: Try, as_doctor: list[str], service: Service
) -> None:
    service.does.request = {"code_challenge_method": "plain"}
    result = tried(*as_doctor)
    assert result.stdout.splitlines()[-1].startswith("?      sign-in: it was not tried.")


def test_a_secret_is_never_an_argument_and_an_unknown_client_is_said(tried: Try) -> None:
    assert tried("--secret", SECRET).exit_code == 2
    assert tried("--password", PASSWORD).exit_code == 2
    result = tried(client_id="tride")
    assert (result.exit_code, "unknown client: did you mean tried?" in result.stderr) == (2, True)
    assert tried("--password-file", "-").exit_code == 2
