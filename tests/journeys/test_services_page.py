"""*Mes services*: what somebody who is signed in may open, what it takes, and the way to each."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.clients.files import Files
from tests.journeys.story import activate, html, statements, switch_user
from tests.provider import CLIENTS, MFA_DATE, Provider, Someone, Visit

ISS = "iss=https%3A%2F%2Fidp.test"
SECOND, RESERVED = "Double authentification requise", "Réservé au praticien"
GUARDED = {
    "client_id": "old",
    "name": "Ancien portail",
    "gateway": {"https://old.test": {"/": {}}},
    "scope": ["openid", "profile"],
    "profiles": ["health_professional"],
    "mfa": "optional",
    "assistants": "allowed",
}


@pytest.fixture
def files(provider: Provider) -> Files:
    """Give the files of a provider with services of every kind that can be opened from the home page."""
    made = Files(provider)
    made.touched(*map(made.path, CLIENTS))
    for client_id, name, address in (
        ("open", "Œuvres sociales", "https://open.test/login"),
        ("strict", "Éditions", "https://strict.test/login?tenant=a%20b"),
        ("retirement", "Dossier de retraite", "https://retirement.test/login"),
        ("public", "école", "https://public.test/login"),
    ):
        made.write(client_id, name=name, initiate_login_uri=address)
    made.write("asking", profiles=["employer"], initiate_login_uri="https://asking.test/login")
    made.write_text("old", json.dumps(GUARDED))
    made.look()
    return made


def _at_home(provider: Provider, who: Someone, code_of: Someone | None = None) -> Visit:
    visit = provider.browser()
    visit.authorize("open")
    visit.identify(who)
    if visit.left_for is None:
        visit.enter_code(code_of or who)
    assert "code" in visit.answer
    visit.get("/")
    return visit


def _listed(visit: Visit) -> dict[str, tuple[str, str | None]]:
    """Return what the page says of each service, in its order: its state, and where it leads."""
    found = {}
    for line in re.findall(r"<li>(.*?)</li>", html(visit), re.DOTALL):
        name = re.search(r"<strong>(.*?)</strong>", line)
        state = re.search(r"<small[^>]*>(.*?)</small>", line)
        link = re.search(r'href="(.*?)"', line)
        assert name is not None
        found[name[1]] = (state[1] if state else "", link[1] if link else None)
    return found


def test_nobody_signed_in_finds_the_front_door(files: Files) -> None:
    visit = files.provider.browser()
    visit.get("/")
    assert "Sélectionner un profil" in visit.page.text
    assert "Mes services en ligne" in visit.page.text
    assert _listed(visit) == {}


def test_who_is_signed_in_finds_their_services_by_name_each_with_the_way_to_it(
    files: Files, doctor: Someone
) -> None:
    visit = _at_home(files.provider, doctor)
    assert list(_listed(visit).items()) == [
        ("Ancien portail", ("", f"https://old.test/_gateway/login?{ISS}")),
        ("Dossier de retraite", ("", f"https://retirement.test/login?{ISS}")),
        ("école", ("", f"https://public.test/login?{ISS}")),
        ("Éditions", ("", f"https://strict.test/login?tenant=a%20b&amp;{ISS}")),
        ("Service portal", ("", f"https://portal.test/login?{ISS}")),
        ("Œuvres sociales", ("", f"https://open.test/login?{ISS}")),
    ]
    assert ("Ouvrir école", f"https://public.test/login?{ISS}") in visit.page.links
    assert "Sélectionner un profil" not in visit.page.text
    assert f"Connecté : {doctor.name}" in visit.page.text
    links = dict(visit.page.links)
    assert (links["Mon profil"], links["Accords donnés"]) == ("/profile", "/profile/consents")
    switch_user(visit)
    assert "Sélectionner un profil" in visit.page.text


def test_what_a_password_opens_changes_with_the_day_and_the_step_up_opens_the_rest_in_place(
    files: Files, newcomer: Someone
) -> None:
    provider = files.provider
    visit = _at_home(provider, newcomer)
    of_the_portal = f"https://portal.test/login?{ISS}"
    assert {name: state for name, (state, _address) in _listed(visit).items() if state} == {
        "Éditions": SECOND
    }
    assert _listed(visit)["Éditions"][1] is not None
    day = datetime(MFA_DATE.year, MFA_DATE.month, MFA_DATE.day, tzinfo=UTC) - timedelta(hours=1)
    for moment, state in ((day - timedelta(seconds=1), ""), (day, SECOND)):
        provider.clock.set(moment)
        late = _at_home(provider, newcomer)
        assert _listed(late)["Service portal"] == (state, of_the_portal)
    late.authorize("strict")
    assert late.step == "activation"
    activate(late, newcomer)
    late.get("/")
    assert {state for state, _address in _listed(late).values()} == {""}


@pytest.mark.attack(63)
def test_an_assistant_sees_what_is_not_for_them_and_no_way_to_it(
    files: Files, doctor: Someone, assistant: Someone
) -> None:
    visit = _at_home(files.provider, doctor, assistant)
    listed = _listed(visit)
    assert listed["Dossier de retraite"] == (RESERVED, None)
    assert {name for name, (state, _address) in listed.items() if state} == {"Dossier de retraite"}
    assert "retirement.test" not in html(visit)
    assert f"Connecté : {assistant.name}" in visit.page.text
    assert f"Vous agissez pour {doctor.name}" in visit.page.text
    links = dict(visit.page.links)
    assert links["Travailler aussi pour un autre praticien"] == "/link-code"
    assert "Mon profil" not in links
    visit.authorize("retirement")
    assert (visit.step, visit.page.status) == ("refused", 403)


def test_another_profile_finds_its_own_services_and_nobody_elses(files: Files, insured: Someone) -> None:
    visit = _at_home(files.provider, insured)
    assert list(_listed(visit)) == ["Dossier de retraite", "école", "Éditions", "Œuvres sociales"]


def test_a_service_that_is_added_changed_or_taken_away_meanwhile_is_so_in_the_list(
    files: Files, doctor: Someone
) -> None:
    visit = _at_home(files.provider, doctor)
    files.write("newcomer", like="open", name="Nouveau", initiate_login_uri="https://newcomer.test/in")
    files.write("public", name="Bibliothèque")
    files.remove("retirement")
    files.look()
    visit.get("/")
    names = list(_listed(visit))
    assert names == [
        "Ancien portail",
        "Bibliothèque",
        "Éditions",
        "Nouveau",
        "Service portal",
        "Œuvres sociales",
    ]


@pytest.mark.attack(63)
@pytest.mark.parametrize(
    ("rules", "listed"),
    [
        ({"/": {"assistants": "refused"}}, {"doctor": "", "assistant": RESERVED, "newcomer": ""}),
        ({"/": {"acr": "mfa"}}, {"doctor": "", "assistant": "", "newcomer": SECOND}),
        ({"/": {"profiles": ["insured"]}}, {"doctor": None, "insured": ""}),
        ({"/": "public", "/compte": {"assistants": "refused"}}, {"doctor": "", "assistant": RESERVED}),
        ({"/": {}, "/compte": {"acr": "mfa", "assistants": "refused"}}, {"assistant": "", "newcomer": ""}),
        ({"/dé pôt": {"acr": "mfa"}, "/static": "public"}, {"doctor": "", "newcomer": SECOND}),
    ],
)
def test_behind_the_gateway_the_rule_of_the_page_where_the_sign_in_ends_says_what_it_takes(
    files: Files, rules: dict[str, object], listed: dict[str, str | None], request: pytest.FixtureRequest
) -> None:
    hosts = {"https://old.test": rules, "https://other.test": {"/": {"assistants": "refused", "acr": "mfa"}}}
    files.write_text(
        "old", json.dumps({**GUARDED, "gateway": hosts, "profiles": ["health_professional", "insured"]})
    )
    files.look()
    for who, state in listed.items():
        files.provider.clock.advance(seconds=30)
        found = _listed(_at_home(files.provider, request.getfixturevalue(who))).get("Ancien portail")
        assert (found[0] if found else None) == state, who
        assert found is None or (found[1] is None) == (state == RESERVED)


def test_without_services_the_page_says_so(provider: Provider, insured: Someone) -> None:
    visit = _at_home(provider, insured)
    assert _listed(visit) == {}
    assert "Aucun service ne vous est ouvert pour le moment." in visit.page.text


def test_the_page_costs_one_statement(files: Files, doctor: Someone) -> None:
    visit = _at_home(files.provider, doctor)
    with statements(files.provider) as seen:
        visit.get("/")
    durable = [one for one in seen if not one.startswith(("PRAGMA", "BEGIN")) and "ephemeral" not in one]
    assert len(durable) == 1


def test_a_form_of_the_front_door_left_open_in_another_tab_still_leads_on(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    left_open = visit.get("/")
    visit.sign_in(doctor)
    visit.page = left_open
    visit.submit(profile="nobody")
    assert (visit.page.url, visit.page.status) == ("/", 200)
    assert "Mes services" in visit.page.text
    visit.page = left_open
    visit.submit(profile="health_professional")
    assert visit.left_for == f"https://portal.test/login?{ISS}"


def test_the_front_door_keeps_the_query_of_the_services_address(files: Files) -> None:
    files.write("portal", initiate_login_uri="https://portal.test/login?tenant=a%20b")
    files.look()
    visit = files.provider.browser()
    visit.get("/")
    visit.submit(profile="health_professional")
    assert visit.left_for == f"https://portal.test/login?tenant=a%20b&{ISS}"
