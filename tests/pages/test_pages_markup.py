"""What every page owes to a person without a mouse, a script or good eyes, read in the HTML itself."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient

from tests.pages.samples import KEY, KEY_AS_SHOWN, SAMPLES

BUDGET = 60_000
VOID = {"meta", "link", "input", "path", "rect"}


class Document(HTMLParser):
    """Every element in the order of the document, with its attributes, its ancestors and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), [parent.tag for parent in self._open])
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop().tag == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        return [
            element
            for element in self.elements
            if element.tag == tag
            and all(element.get(name.rstrip("_")) == value for name, value in attributes.items())
        ]


class Element:
    def __init__(self, tag: str, attributes: dict[str, str | None], ancestors: list[str]) -> None:
        self.tag, self.attributes, self.ancestors, self.text = tag, attributes, ancestors, ""

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)


def read(client: FlaskClient, name: str) -> Document:
    return Document(client.get(f"/pages/{name}").get_data(as_text=True))


pytestmark = pytest.mark.parametrize("name", SAMPLES)


def test_the_page_with_all_it_loads_stays_within_the_byte_budget(client: FlaskClient, name: str) -> None:
    page = client.get(f"/pages/{name}").data
    loaded = re.findall(rb'(?:src|href)="(/static/[^"]+)"', page)
    assert len(loaded) >= 2
    assert len(page) + sum(len(client.get(url.decode()).data) for url in loaded) <= BUDGET


def test_nothing_is_inline_that_the_policy_would_block(client: FlaskClient, name: str) -> None:
    for element in read(client, name).elements:
        assert element.tag != "style"
        assert element.tag != "script" or element.get("src")
        assert not [
            attribute
            for attribute in element.attributes
            if attribute == "style" or attribute.startswith("on")
        ]


def test_ids_are_unique_and_what_refers_to_one_finds_it(client: FlaskClient, name: str) -> None:
    document = read(client, name)
    ids = [element.attributes["id"] for element in document.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in document.elements:
        for attribute in ("for", "aria-describedby", "aria-labelledby"):
            for target in (element.get(attribute) or "").split():
                assert target in ids
        if (element.get("href") or "").startswith("#"):
            assert (element.get("href") or "")[1:] in ids


def test_each_field_has_a_label_and_is_called_as_it_is_sent(client: FlaskClient, name: str) -> None:
    document = read(client, name)
    labelled = {element.get("for") for element in document.all("label")}
    fields = [e for e in document.all("input") + document.all("select") if e.get("type") != "hidden"]
    for field in fields:
        if field.get("type") == "radio":
            assert "fieldset" in field.ancestors
            assert len(document.all("legend")) == len(document.all("fieldset"))
        else:
            assert field.get("id") == field.get("name")
        assert field.get("id") in labelled


def test_forms_post_with_a_csrf_token_and_the_switch_of_user_comes_last(
    client: FlaskClient, name: str
) -> None:
    document = read(client, name)
    forms = document.all("form")
    assert all(form.get("method") == "post" and "main" in form.ancestors for form in forms)
    # The other one goes to the service: no token of ours in it.
    ours = [form for form in forms if form.get("id") != "form-post"]
    assert len(document.all("input", name="csrf_token", type="hidden")) == len(ours)
    switches = [form for form in forms if form.get("class") == "switch"]
    assert forms[len(forms) - len(switches) :] == switches


def test_the_first_button_is_the_main_action_and_sends_no_name(client: FlaskClient, name: str) -> None:
    buttons = read(client, name).all("button")
    main = [button for button in buttons if button.get("class") == "main"]
    assert buttons[: len(main)] == main, "a form's first button is what Enter presses"
    if name.startswith(("refused", "device-stopped")):
        return  # Its own form has one way out, which is to give up.
    assert all("name" not in button.attributes for button in (main or buttons)[:1])


def test_headings_landmarks_and_title_say_where_one_is(client: FlaskClient, name: str) -> None:
    document = read(client, name)
    (h1,), (title,), (html,) = document.all("h1"), document.all("title"), document.all("html")
    assert h1.text.strip()
    assert f"{h1.text.strip()} — Caisses Sociales de Monaco" in title.text
    assert html.get("lang") == "fr"
    (head,) = document.all("header")
    assert "Caisses Sociales de Monaco" in head.text
    assert "CCSS · CAR · CMRC · CAMTI · CARTI" in head.text
    assert document.all("a")[0].get("href") == "#content"


def test_problems_come_first_take_the_focus_and_lead_to_their_fields(client: FlaskClient, name: str) -> None:
    document, problems = read(client, name), SAMPLES[name].problems
    (title,) = document.all("title")
    focused = [element for element in document.elements if "autofocus" in element.attributes]
    assert len(focused) <= 1
    assert title.text.startswith("Erreur : ") == bool(problems)
    if not problems:
        assert not document.all("div", role="alert")
        return
    inside = [element for element in document.elements if "main" in element.ancestors]
    summary = inside[0]
    assert (summary.get("role"), summary.get("tabindex")) == ("alert", "-1")
    assert focused == [summary]
    for problem in problems:
        assert problem.text in summary.text
        if problem.field:
            assert document.all("a", href=f"#{problem.field}")
            (field,) = [e for e in document.elements if e.get("id") == problem.field]
            assert field.tag == "fieldset" or field.get("aria-invalid") == "true"
            assert f"{problem.field}-problem" in (field.get("aria-describedby") or "").split()
            (said,) = [e for e in document.elements if e.get("id") == f"{problem.field}-problem"]
            assert said.text == problem.text


def test_what_was_just_done_is_said_to_screen_readers(client: FlaskClient, name: str) -> None:
    document, notice = read(client, name), SAMPLES[name].context.get("notice")
    said = [e.text for e in document.elements if e.get("role") == "status" and "main" in e.ancestors]
    assert not notice or any(notice in text for text in said)


def test_no_secret_travels_in_a_form(client: FlaskClient, name: str) -> None:
    document = read(client, name)
    for field in document.all("input"):
        assert KEY not in (field.get("value") or "")
        assert field.get("type") != "password" or field.get("value") == ""
    if "otpauth_uri" in SAMPLES[name].context:
        (shown,) = [e for e in document.elements if "data-otp-secret" in e.attributes]
        assert shown.get("data-otp-secret") == KEY
        assert shown.text == KEY_AS_SHOWN
