"""An insured person with every claim that a standard scope asks for."""

from __future__ import annotations

INSURED_ATTRIBUTES: dict[str, object] = {
    "name": "Marie Anne Durand",
    "family_name": "Durand",
    "given_name": "Marie Anne",
    "middle_name": "Louise",
    "nickname": "Manon",
    "preferred_username": "mdurand",
    "profile": "https://assures.test/mdurand",
    "picture": "https://assures.test/mdurand.png",
    "website": "https://durand.test",
    "gender": "female",
    "birthdate": "1984-02-29",
    "zoneinfo": "Europe/Monaco",
    "locale": "fr-MC",
    "updated_at": 1_760_000_000,
    "email": "marie@durand.test",
    "email_verified": True,
    "phone_number": "+377 93 15 00 00",
    "phone_number_verified": False,
    "address": {
        "street_address": "11 rue Louis Notari",
        "locality": "Monaco",
        "postal_code": "98000",
        "country": "MC",
    },
}
