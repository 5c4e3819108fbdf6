"""The profile page: its holder looks, a practitioner with two factors manages, nobody else does either."""

from __future__ import annotations

import re
from itertools import product

import pytest
from sqlalchemy import select

from idp.storage.schema import delegation
from tests.journeys.story import activate, audit_lines, html, switch_user
from tests.provider import Provider, Someone, Visit


def _signed_in(provider: Provider, who: Someone, code_of: Someone | None = None) -> Visit:
    visit = provider.browser()
    visit.authorize()
    visit.identify(who)
    if visit.left_for is None:
        visit.enter_code(code_of or who)
    assert "code" in visit.answer
    return visit


def _denied(provider: Provider) -> list[tuple[str, str, bool]]:
    """Return why, where, and whether an assistant was it, of every refusal audited."""
    lines = [line for line in audit_lines(provider) if line["kind"] == "managing.denied"]
    return [
        (line["detail"]["why"], line["detail"]["endpoint"], line["actor_id"] is not None) for line in lines
    ]


def _only_delegation(provider: Provider) -> str:
    with provider.parts.database.read() as connection:
        return str(connection.execute(select(delegation.c.id)).scalar_one())


def _entries(visit: Visit) -> dict[str, str]:
    """Return what the page says of the account, by label."""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html(visit))
    return {label: " ".join(re.sub("<[^>]+>", "", value).split()) for label, value in found}


MANAGING = {
    "/profile/assistants/new": "profile.add",
    "/profile/assistants/{delegation}": "profile.assistant",
    "/profile/assistants/{delegation}/phone": "profile.phone_of_assistant",
}


def test_the_page_says_who_one_is_as_the_slides_do(provider: Provider) -> None:
    attributes = {"matricule_csm": "CSM-77", "adeli": "99A123", "phone_number": "+33648833828"}
    doctor = provider.add("408461", "DURAND Alice", mfa=True, attributes=attributes)
    visit = _signed_in(provider, doctor)
    text = visit.get("/profile").text
    assert _entries(visit) == {
        "Identifiant": "408461",
        "Mot de passe": "•••••••• Modifier le mot de passe",
        "Matricule praticien CSM": "CSM-77",
        "Numéro ADELI": "99A123",
        "Numéro de téléphone mobile": "(+33) 6 48 83 38 28",
        "Double authentification activée": "Oui",
        "Téléphone de double authentification": "Changer de téléphone",
        "Codes de récupération": "Aucun Créer de nouveaux codes",
    }
    assert "Liste d'assistants autorisés à utiliser la double authentification" in text
    assert "Aucun assistant autorisé" in text
    assert doctor.password not in html(visit)
    assert doctor.secret is not None
    assert doctor.secret not in html(visit)


def test_an_insured_person_sees_a_profile_without_assistants(provider: Provider, insured: Someone) -> None:
    visit = _signed_in(provider, insured)
    text = visit.get("/profile").text
    assert list(_entries(visit)) == [
        "Identifiant",
        "Mot de passe",
        "Numéro de téléphone mobile",
        "Double authentification activée",
    ]
    assert _entries(visit)["Identifiant"] == "2001234"
    assert "assistant" not in text


def test_who_is_not_signed_in_identifies_themselves_and_comes_back(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    visit.get("/profile/assistants/new")
    assert visit.step == "identification"
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert visit.page.url == "/profile/assistants/new"
    assert visit.page.secret is not None


def test_a_password_session_sees_the_profile_and_is_offered_the_second_factor(
    provider: Provider, newcomer: Someone
) -> None:
    visit = _signed_in(provider, newcomer)
    page = visit.get("/profile")
    assert (page.status, page.url) == (200, "/profile")
    assert _entries(visit)["Double authentification activée"] == "Non"
    assert "Ajouter" not in page.text
    visit.submit()
    assert visit.step == "activation"
    activate(visit, newcomer)
    assert visit.page.url == "/profile"
    assert _entries(visit)["Double authentification activée"] == "Oui"
    assert "Ajouter" in visit.page.text


@pytest.mark.attack(12)
@pytest.mark.attack(55)
@pytest.mark.attack(56)
@pytest.mark.parametrize("path", MANAGING)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_managing_on_a_password_session_demands_the_second_factor_and_is_audited(
    provider: Provider, newcomer: Someone, path: str, method: str
) -> None:
    provider.add_assistant(newcomer, "NAUDIN Fernand")
    visit = _signed_in(provider, newcomer)
    address = path.format(delegation=_only_delegation(provider))
    visit.get("/profile")
    page = visit.get(address) if method == "GET" else visit.post(address, {"remove": "1", "name": "X"})
    assert (page.status, page.error) == (403, "insufficient_user_authentication")
    assert _denied(provider) == [("insufficient_user_authentication", MANAGING[path], False)]
    assert page.secret is None
    visit.submit()
    assert visit.step == "activation"
    activate(visit, newcomer)
    visit.get(address)
    assert visit.page.status == 200


@pytest.mark.attack(12)
def test_a_session_that_a_later_activation_left_behind_manages_nothing(
    provider: Provider, newcomer: Someone
) -> None:
    old = _signed_in(provider, newcomer)
    fresh = provider.browser()
    fresh.authorize("strict")
    fresh.identify(newcomer)
    activate(fresh, newcomer)
    old.get("/profile/assistants/new")
    assert old.step == "code"


@pytest.mark.attack(55)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/profile"), *product(("GET", "POST"), (*MANAGING, "/profile/assistants/none"))],
)
def test_an_assistant_is_refused_every_page_of_the_profile_and_it_is_audited(
    provider: Provider, doctor: Someone, assistant: Someone, path: str, method: str
) -> None:
    visit = _signed_in(provider, doctor, assistant)
    visit.get("/")
    address = path.format(delegation=_only_delegation(provider))
    page = visit.get(address) if method == "GET" else visit.post(address, {"remove": "1", "name": "X"})
    assert (page.status, page.error) == (403, "insufficient_scope")
    assert page.secret is None
    assert [(why, by_assistant) for why, _endpoint, by_assistant in _denied(provider)] == [
        ("insufficient_scope", True)
    ]
    with provider.parts.database.read() as connection:
        assert connection.execute(select(delegation.c.removed_at)).scalar_one() is None


@pytest.mark.attack(55)
def test_an_assistant_gets_no_further_by_stepping_up(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit = _signed_in(provider, doctor, assistant)
    visit.get("/")
    visit.post("/profile/step-up", {})
    assert (visit.step, visit.page.status) == ("refused", 403)


@pytest.mark.attack(55)
def test_an_assistant_who_signs_in_towards_the_profile_is_refused(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit = provider.browser()
    visit.get("/profile")
    visit.identify(doctor)
    page = visit.enter_code(assistant)
    assert (visit.step, page.status, page.error) == ("refused", 403, "access_denied")
    visit.submit()
    assert visit.page.url == "/"


@pytest.mark.attack(55)
@pytest.mark.parametrize("path", ["/profile/assistants/new", "/profile/assistants/none"])
@pytest.mark.parametrize("mfa", [True, False])
def test_an_insured_person_manages_nobody(provider: Provider, path: str, mfa: bool) -> None:
    visit = _signed_in(provider, provider.add("2001235", "ROSSI Carla", "insured", mfa=mfa))
    page = visit.get(path)
    assert (page.status, page.error) == (403, "insufficient_scope")
    assert len(_denied(provider)) == 1


@pytest.mark.attack(56)
def test_another_practices_assistant_does_not_exist_here(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    other = provider.add("408463", "PETIT Anne", mfa=True)
    visit = _signed_in(provider, other)
    address = f"/profile/assistants/{_only_delegation(provider)}"
    for path in (address, f"{address}/phone"):
        assert visit.get(path).status == 404
        for entered in ({"remove": "1"}, {"valid_until": "2026-02-01"}, {"cancel": "1"}, {"code": "000000"}):
            visit.get("/profile/assistants/new")
            page = visit.post(path, entered)
            assert (page.status, page.error) == (404, "not_found")
    assert assistant.name not in visit.get("/profile").text
    with provider.parts.database.read() as connection:
        row = connection.execute(select(delegation.c.removed_at, delegation.c.valid_until)).one()
    assert tuple(row) == (None, None)


@pytest.mark.parametrize("path", ["/profile/assistants/none", "/profile/assistants/../../x", "/profile/x"])
def test_what_does_not_exist_is_a_page_not_found(provider: Provider, doctor: Someone, path: str) -> None:
    visit = _signed_in(provider, doctor)
    assert visit.get(path).status == 404


def test_one_person_at_a_shared_computer_leaves_it_to_the_next(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    visit = _signed_in(provider, doctor)
    visit.get("/profile")
    switch_user(visit)
    assert visit.page.url == "/"
    assert doctor.name not in visit.page.text
    visit.get("/profile")
    assert visit.step == "identification"
    visit.identify(insured)
    assert _entries(visit)["Identifiant"] == "2001234"
