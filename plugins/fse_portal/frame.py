"""What every page of somebody signed in has around it."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_relying_party import RelyingParty

from fse_portal.tabs import TABS, Tab


def page(sso: RelyingParty, template: str, tab: Tab, **values: Any) -> str:
    """Return the page of a tab, with the tabs, the practitioner and whoever acts for them."""
    person = sso.person
    return render_template(
        template,
        tabs=TABS,
        tab=tab,
        practitioner=person.name,
        assistant=person.actor.name if person.actor else None,
        form_token=sso.form_token,
        **values,
    )
