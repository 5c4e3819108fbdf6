"""OpenID Connect Core §3.1.2.4: whoever is asked says what a service may be told, for themselves and nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from idp.accounts import erasure, privacy
from idp.login.destination import Disclosure
from idp.login.steps.consent import in_words
from idp.rules.claims import PROVIDER_SCOPES
from idp.storage.schema import consent
from tests.protocol.answers import body, redirected_error, token_error, tokens
from tests.protocol.apis import api, with_apis
from tests.protocol.consenting import ASKED, at_consent, audited, given
from tests.protocol.test_token_exchange import exchange, exchanged
from tests.provider import Provider, Someone


@pytest.fixture(scope="module")
def shared_provider(shared_provider: Provider) -> Provider:
    return with_apis(shared_provider, front={"consent": "required"})


def test_the_page_says_who_asks_and_what_they_will_be_told(provider: Provider, doctor: Someone) -> None:
    visit = at_consent(provider, doctor)
    page = visit.page
    assert page.status == 200
    assert "Pour accéder à : Service asking" in page.text
    assert f"Ce service demande, au sujet de {doctor.name} :" in page.text
    for words in ("l'identité : nom, prénoms", "en votre absence, jusqu'à votre déconnexion"):
        assert words in page.text
    assert "l'adresse e-mail" not in page.text
    assert page.text.index("Accepter") < page.text.index("Refuser")
    assert page.text.index("Refuser") < page.text.index("Changer d'utilisateur")
    assert visit.response is not None
    for element in ('id="consent-form"', 'id="consent-told"'):
        assert element in visit.response.text
    assert visit.response.headers["Cache-Control"] == "no-store"


def test_who_accepts_goes_on_and_is_asked_once(provider: Provider, doctor: Someone) -> None:
    visit = at_consent(provider, doctor)
    visit.submit()
    token = body(provider.redeem(visit.answer["code"], ASKED))
    assert given(provider, doctor) == [(ASKED, "offline_access openid profile")]
    assert audited(provider, doctor, "consent.given") == [(None, ASKED, "offline_access openid profile")]
    assert body(provider.refresh(token["refresh_token"], ASKED))
    provider.clock.advance(seconds=30)
    assert tokens(provider, doctor, ASKED)
    visit.authorize(ASKED)
    assert "code" in visit.answer
    assert len(audited(provider, doctor, "consent.given")) == 1


def test_who_refuses_is_told_to_the_service_and_asked_again(provider: Provider, doctor: Someone) -> None:
    visit = at_consent(provider, doctor)
    visit.submit(cancel="1")
    assert redirected_error(visit, ASKED) == "access_denied"
    assert given(provider, doctor) == []
    assert audited(provider, doctor, "consent.refused") == [(None, ASKED, "offline_access openid profile")]
    assert at_consent(provider, doctor).page.status == 200


def test_more_than_was_agreed_to_is_asked_and_kept_beside_it(provider: Provider, doctor: Someone) -> None:
    at_consent(provider, doctor, scope="openid email").submit()
    visit = provider.browser()
    assert visit.sign_in(doctor, ASKED, scope="openid")
    visit.authorize(ASKED, scope="openid phone")
    assert visit.step == "consent"
    visit.submit()
    assert given(provider, doctor) == [(ASKED, "email openid phone")]
    assert provider.browser().sign_in(doctor, ASKED, scope="openid phone email")


def test_one_service_is_not_another(provider: Provider, doctor: Someone) -> None:
    at_consent(provider, doctor, "open", prompt="consent").submit()
    assert given(provider, doctor) == [("open", "offline_access openid profile")]
    assert at_consent(provider, doctor).step == "consent"


def test_prompt_consent_asks_whatever_was_agreed_to_before(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    for client_id in ("open", ASKED, ASKED):
        visit.authorize(client_id, prompt="consent")
        if visit.step == "identification":
            visit.identify(doctor)
        assert visit.step == "consent"
        visit.submit()
        assert provider.redeem(visit.answer["code"], client_id).status_code == 200
    assert len(audited(provider, doctor, "consent.given")) == 3


def test_a_client_that_does_not_ask_shows_no_page(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    assert visit.sign_in(doctor, "open")
    assert given(provider, doctor) == []


def test_with_a_session_the_page_comes_at_once_and_refusing_keeps_the_session(
    provider: Provider, secured: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(secured, "open")
    visit.authorize(ASKED)
    assert visit.step == "consent"
    visit.submit(cancel="1")
    assert redirected_error(visit, ASKED) == "access_denied"
    visit.authorize("open", prompt="none")
    assert "code" in visit.answer
    visit.authorize(ASKED)
    visit.submit()
    assert "code" in visit.answer


@pytest.mark.attack(29)
def test_prompt_none_gets_consent_required_until_it_was_given(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.authorize(ASKED, prompt="none")
    assert redirected_error(visit, ASKED) == "login_required"
    visit.sign_in(doctor, "open")
    visit.authorize(ASKED, prompt="none")
    assert redirected_error(visit, ASKED) == "consent_required"
    visit.authorize(ASKED)
    visit.submit()
    visit.authorize(ASKED, prompt="none")
    assert "code" in visit.answer
    visit.authorize(ASKED, prompt="none", scope="openid profile address")
    assert redirected_error(visit, ASKED) == "consent_required"


def test_prompt_login_consent_asks_for_both_in_this_order(provider: Provider, secured: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(secured, "open")
    provider.clock.advance(seconds=30)
    visit.authorize(prompt="consent login")
    assert visit.step == "identification"
    visit.identify(secured)
    assert visit.step == "code"
    visit.enter_code(secured)
    assert visit.step == "consent"
    visit.submit()
    assert body(provider.redeem(visit.answer["code"]))


def test_an_assistant_agrees_for_themselves_and_reads_whose_data_it_is(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    visit = at_consent(provider, assistant)
    assert f"Vous agissez pour {secured.name}" in visit.page.text
    assert f"au sujet de {secured.name}" in visit.page.text
    assert "votre nom, NAUDIN Fernand, comme assistant(e)" in visit.page.text
    visit.submit()
    act = provider.claims(body(provider.redeem(visit.answer["code"], ASKED))["id_token"])["act"]
    assert audited(provider, secured, "consent.given") == [
        (act["sub"], ASKED, "offline_access openid profile")
    ]
    provider.clock.advance(seconds=30)
    assert at_consent(provider, secured).step == "consent"
    other = provider.add_assistant(secured, "VOLFONI Paul")
    assert at_consent(provider, other).step == "consent"
    provider.clock.advance(seconds=30)
    assert provider.browser().sign_in(assistant, ASKED)


def test_the_page_is_shown_after_the_second_factor_and_never_before(
    provider: Provider, secured: Someone
) -> None:
    visit = provider.browser()
    visit.authorize(ASKED)
    visit.identify(secured)
    assert visit.step == "code"
    visit.get(visit.page.url.removesuffix("code") + "consent")
    assert visit.step == "code"
    visit.post(visit.page.url.removesuffix("code") + "consent", {"asked": "x"})
    assert visit.step == "code"
    assert given(provider, secured) == []


@pytest.mark.parametrize("scope", PROVIDER_SCOPES)
def test_every_scope_of_the_provider_and_its_claims_are_said_in_words(provider: Provider, scope: str) -> None:
    with provider.app.test_request_context():
        told = in_words(Disclosure("any", (scope,), PROVIDER_SCOPES[scope]), None)
        assert told
        assert not [line for line in told if "«" in line]


def test_the_lines_stand_in_an_order_that_makes_sense_and_what_has_no_words_is_said_by_its_name(
    provider: Provider,
) -> None:
    scope = ("offline_access", "invoices", "openid")
    with provider.app.test_request_context():
        assert in_words(Disclosure("any", scope, ("badge", "birthdate")), "NAUDIN Fernand") == [
            "un identifiant qui ne change pas, et comment vous vous êtes identifié",
            "l'accès « invoices »",
            "l'information « badge »",
            "la date de naissance",
            "votre nom, NAUDIN Fernand, comme assistant(e)",
            "tout cela aussi en votre absence, jusqu'à votre déconnexion",
        ]


def test_a_claim_asked_for_by_itself_is_agreed_to_by_itself(provider: Provider, doctor: Someone) -> None:
    asked: dict[str, Any] = {
        "scope": "openid",
        "claims": '{"userinfo": {"birthdate": null}, "id_token": {"acr": null}}',
    }
    visit = at_consent(provider, doctor, **asked)
    assert "la date de naissance" in visit.page.text
    visit.submit()
    assert given(provider, doctor) == [(ASKED, '"birthdate" openid')]
    assert provider.browser().sign_in(doctor, ASKED, **asked)
    visit.authorize(ASKED, scope="openid", claims='{"id_token": {"email": null}}')
    assert visit.step == "consent"


def test_what_the_scope_of_a_plugin_brings_is_asked_once(provider: Provider, doctor: Someone) -> None:
    asked: dict[str, Any] = {"scope": "openid practitioner", "claims": '{"userinfo": {"adeli": null}}'}
    visit = at_consent(provider, doctor, "portal", prompt="consent", **asked)
    assert "matricule CSM et ADELI" in visit.page.text
    assert "le numéro ADELI" not in visit.page.text
    visit.submit()
    assert given(provider, doctor) == [("portal", "openid practitioner")]


def test_the_page_names_the_service_whose_api_it_is(provider: Provider, doctor: Someone) -> None:
    asked: dict[str, Any] = {"scope": "openid common x.read orders.read", "resource": api("orders")}
    visit = at_consent(provider, doctor, "front", **asked)
    assert "l'accès au service « Service orders » : common, orders.read" in visit.page.text
    assert "l'accès « x.read »" in visit.page.text
    assert "l'accès « common »" not in visit.page.text
    visit.submit()
    here = '@"https://orders.test/api"'
    words = f"{here} common common{here} openid orders.read orders.read{here} x.read"
    assert given(provider, doctor) == [("front", words)]
    visit.authorize("front", **asked)
    assert "code" in visit.answer
    visit.authorize("front", scope="openid", resource=api("mute"), prompt="consent")
    assert "l'accès au service « Service mute »" in visit.page.text


@pytest.mark.attack(22)
def test_what_was_agreed_to_for_one_api_is_asked_again_for_another(
    provider: Provider, doctor: Someone
) -> None:
    visit = at_consent(provider, doctor, "front", scope="openid common", resource=api("orders"))
    visit.submit()
    for scope in ("openid files.read", "openid common"):
        visit.authorize("front", scope=scope, resource=api("files"))
        assert (visit.left_for, visit.step) == (None, "consent")
        visit.submit()
        visit.authorize("front", scope=scope, resource=api("files"))
        assert "code" in visit.answer


@pytest.mark.attack(22)
def test_an_exchange_gives_nothing_at_an_api_that_nobody_was_asked_about(
    provider: Provider, doctor: Someone
) -> None:
    visit = at_consent(provider, doctor, "front", scope="openid common x.read")
    visit.submit()
    token = body(provider.redeem(visit.answer["code"], "front"))["access_token"]
    for target in ("closed", "orders"):
        assert token_error(exchange(provider, token, "front", audience=target)) == "invalid_target"
    visit.authorize("front", scope="openid common orders.read", resource=api("orders"))
    visit.submit()
    token = body(provider.redeem(visit.answer["code"], "front"))["access_token"]
    assert token_error(exchange(provider, token, "front", audience="files")) == "invalid_target"
    assert exchanged(provider, token, "front", audience="orders", scope="common")["scope"] == "common"
    assert exchanged(provider, token, "orders", audience="files")["aud"] == api("files")


def test_what_somebody_agreed_to_is_given_out_and_erased_with_them(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    for who in (assistant, secured):
        at_consent(provider, who).submit()
        provider.clock.advance(seconds=30)
    assistants_sub = audited(provider, secured, "consent.given")[0][0]
    assert assistants_sub is not None
    now = provider.clock.now() + timedelta(days=1)
    with provider.parts.database.write() as connection:
        helper = privacy.find_assistant(connection, assistants_sub)
        holder = privacy.find_holder(connection, secured.identifier)
        assert helper is not None
        assert holder is not None
        assert [row["person_id"] for row in privacy.export(connection, helper)["consent"]] == [assistants_sub]
        assert len(privacy.export(connection, holder)["consent"]) == 2
        touched = erasure.erase(connection, provider.parts.keyring, helper, "asked for", now)
        assert touched["consent"]["deleted"] == 1
    assert len(given(provider, secured)) == 1
    with provider.parts.database.write() as connection:
        touched = erasure.erase(connection, provider.parts.keyring, holder, "asked for", now)
        assert touched["consent"]["deleted"] == 1
        assert connection.execute(select(consent).where(consent.c.person_id == holder.person_id)).all() == []
