"""The portal's tabs: the same six, in the same order, for everybody."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tab:
    """One tab; one without work of its own says that nothing is there (``empty``) and what would be."""

    path: str
    label: str
    empty: str = ""
    purpose: str = ""

    @property
    def endpoint(self) -> str:
        """The name of its view."""
        return self.path.removeprefix("/")


SEARCH = Tab("/fse", "FSE Médecin")
PROFILE = Tab("/profil", "Profil")
HISTORY = Tab(
    "/historique",
    "Historique FSE",
    "Aucune feuille de soins.",
    "Les feuilles de soins transmises depuis votre cabinet apparaissent ici, la plus récente en premier.",
)
FORMS = Tab(
    "/formulaires",
    "Formulaires",
    "Aucun formulaire.",
    "Les formulaires à remplir ou à imprimer pour vos patients se trouvent ici.",
)
TEMPLATES = Tab(
    "/fse-pre-codees",
    "FSE pré-codées",
    "Aucune FSE pré-codée.",
    "Les feuilles de soins que vous gardez comme modèles apparaissent ici.",
)
TERMINALS = Tab(
    "/ordipostes",
    "Ordipostes HNP",
    "Aucun ordiposte.",
    "Les ordipostes HNP rattachés à votre cabinet apparaissent ici.",
)
EMPTY_TABS = (FORMS, TEMPLATES, TERMINALS)
TABS = (SEARCH, FORMS, HISTORY, TEMPLATES, TERMINALS, PROFILE)
SHEET_PAGE = "/fse/feuille"
PAGES = frozenset({SHEET_PAGE, *(tab.path for tab in TABS)})
FIRST_PAGE = SEARCH.path
