"""A notice of each kind, with the values that its act would give."""

from __future__ import annotations

from collections.abc import Mapping

from idp.notices.kinds import Notice

LINK = "https://idp.test/recovery/9fJ2-a_secret_of_one_link?x=1&y=2"

SAMPLES: Mapping[str, tuple[Notice, Mapping[str, str]]] = {
    "phone added": (Notice.PHONE_ADDED, {"who": "NAUDIN Fernand"}),
    "phone reset": (Notice.PHONE_RESET, {}),
    "assistant added": (
        Notice.ASSISTANT_ADDED,
        {"who": "NAUDIN Fernand", "first": "2025-12-03", "last": "2026-03-01"},
    ),
    "assistant added without end": (
        Notice.ASSISTANT_ADDED,
        {"who": "NAUDIN Fernand", "first": "2025-12-03", "last": ""},
    ),
    "assistant ending": (Notice.ASSISTANT_ENDING, {"who": "NAUDIN Fernand", "last": "2026-03-01"}),
    "assistant changed by a service": (
        Notice.ASSISTANT_CHANGED,
        {"who": "NAUDIN Fernand", "last": "2026-03-01", "service": "Portail FSE"},
    ),
    "assistant changed by a service without end": (
        Notice.ASSISTANT_CHANGED,
        {"who": "NAUDIN Fernand", "last": "", "service": "Portail FSE"},
    ),
    "assistant ended by support": (
        Notice.ASSISTANT_END_SET,
        {"who": "NAUDIN Fernand", "last": "2026-03-01"},
    ),
    "assistant ended by support at once": (
        Notice.ASSISTANT_END_SET,
        {"who": "NAUDIN Fernand", "last": ""},
    ),
    "assistant removed": (Notice.ASSISTANT_REMOVED, {"who": "NAUDIN Fernand"}),
    "assistant removed by support": (Notice.ASSISTANT_REMOVED_BY_SUPPORT, {"who": "NAUDIN Fernand"}),
    "recovery used": (Notice.RECOVERY_USED, {"left": "3"}),
    "recovery used, one left": (Notice.RECOVERY_USED, {"left": "1"}),
    "last recovery used": (Notice.RECOVERY_USED, {"left": "0"}),
    "recovery renewed": (Notice.RECOVERY_RENEWED, {}),
    "password changed": (Notice.PASSWORD_CHANGED, {}),
    "new device": (Notice.NEW_DEVICE, {"who": "NAUDIN Fernand", "device": "Firefox, Windows"}),
    "new device of no name": (Notice.NEW_DEVICE, {"who": "NAUDIN Fernand", "device": ""}),
    "date approaching": (Notice.DATE_APPROACHING, {"date": "2026-03-01", "days": "45"}),
    "date tomorrow": (Notice.DATE_APPROACHING, {"date": "2026-03-01", "days": "1"}),
    "password link": (Notice.PASSWORD_LINK, {"link": LINK, "minutes": "15"}),
    "identifier": (Notice.IDENTIFIER, {"identifier": "608349"}),
}
