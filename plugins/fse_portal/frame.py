"""What every page of somebody signed in has around it."""

from __future__ import annotations

from typing import Any

from flask import render_template

from fse_portal.sessions import PortalSession
from fse_portal.tabs import TABS, Tab


def page(template: str, tab: Tab, session: PortalSession, **values: Any) -> str:
    """Return the page of a tab, with the tabs, the practitioner and whoever acts for them."""
    identity = session.identity
    return render_template(
        template,
        tabs=TABS,
        tab=tab,
        practitioner=identity.practitioner,
        assistant=identity.actor.name if identity.actor else None,
        form_token=session.form_token,
        **values,
    )
