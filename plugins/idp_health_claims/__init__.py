"""Claims of a practitioner: the scope ``practitioner`` gives the fund's number and the ADELI number."""

from __future__ import annotations

from collections.abc import Mapping

from idp.settings import Settings


class PractitionerClaims:
    """Releases ``matricule_csm`` and ``adeli`` to clients whose file allows the scope ``practitioner``."""

    scopes: Mapping[str, tuple[str, ...]] = {"practitioner": ("matricule_csm", "adeli")}

    def __init__(self, settings: Settings) -> None:
        del settings

    def claims(self, scopes: frozenset[str], attributes: Mapping[str, object]) -> Mapping[str, object]:
        """Return the practitioner's numbers that the person has, when the scope was granted."""
        asked = self.scopes["practitioner"] if "practitioner" in scopes else ()
        return {name: attributes[name] for name in asked if attributes.get(name) is not None}
