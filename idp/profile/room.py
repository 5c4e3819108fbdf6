"""The profile room: its pages behind the one guard."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint

from idp.clients.registry import ClientRegistry
from idp.login.journey import Journey
from idp.login.surroundings import Surroundings
from idp.profile.assistants import AssistantPages
from idp.profile.enrolment import PendingEnrolments
from idp.profile.guard import Guard
from idp.profile.views import ProfilePage, profile_blueprint
from idp.settings import Settings


def profile_blueprints(around: Surroundings, journey: Journey) -> list[Blueprint]:
    """Return the addresses of the account's own pages."""
    settings, possession = around.settings, around.plugins.possession
    lifetime = timedelta(seconds=settings.transaction_lifetime)
    enrolments = PendingEnrolments(around.ephemeral, around.clock, around.keyring, possession, lifetime)
    limit = settings.max_assistants
    return [
        profile_blueprint(
            Guard(around.database, around.clock, journey, around.pages),
            ProfilePage(
                around.database,
                around.clock,
                around.pages,
                limit,
                _practice_service(settings, around.clients),
            ),
            AssistantPages(
                around.database, around.clock, around.keyring, possession, enrolments, around.pages, limit
            ),
        )
    ]


def _practice_service(settings: Settings, clients: ClientRegistry) -> str | None:
    profile = settings.profiles.get("health_professional")
    client = clients.get(profile.service) if profile and profile.service else None
    return client.initiate_login_uri if client else None
