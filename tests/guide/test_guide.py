"""The guide is made from the pages as they are, and not made when a page no longer says what the slides say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.guide.__main__ import ROOT, TEXT, build
from tests.guide.failure import GuideFailed
from tests.guide.pictures import pictures
from tests.guide.text import Chapter, Guide, Step, load_guide
from tests.guide.walk import Scene

SLIDES = """
Sélectionner un profil
Professionnel de santé
Accéder à mes services
Enregistrez-vous
Identifiant
Identifiant oublié ?
Se souvenir de moi
Mot de passe
Mot de passe oublié ?
Effacer
Activer la double authentification
Connexion
Obligatoire à partir du
Valider
Annuler
Veuillez saisir le code de double authentification
Veuillez scanner le QR Code dans votre application mobile de double authentification
FSE Médecin
Formulaires
Historique FSE
FSE pré-codées
Ordipostes HNP
Profil
Praticien identifié :
Choix du bénéficiaire
Date des actes
Caisse
Matricule
Lancer la recherche
Sexe
Nom
Prénom
Rang
Date naissance
Age
ETM en cours
Aucun bénéficiaire trouvé
Matricule praticien CSM
Numéro ADELI
Numéro de téléphone mobile
Double authentification activée
Ajouter
Liste d'assistants autorisés à utiliser la double authentification
Date début
Date fin
Expiré
Action
Modifier
Scanner le QR Code avec l'application mobile de double authentification de l'assistant
Nom prénom assistant
Début de validité
Fin de validité (facultatif)
Saisir code d'authentification
NAUDIN Fernand
03/12/2025
"""
"""What the slides show on a screen."""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page()
    page.set_content(
        "<title>Profil</title><h1>Profil</h1><button>Valider</button><input type=date value=2025-12-03>"
    )
    yield page
    page.close()


def guide(*steps: Step) -> Guide:
    chapters = [Chapter(title="Un chapitre", steps=list(steps))]
    return Guide(title="Guide", subtitle="", text=[], chapters=chapters)


def silent(line: str) -> None:
    del line


@pytest.mark.server
def test_the_guide_is_made_from_the_running_demo_as_html_and_pdf(tmp_path: Path, chromium: Browser) -> None:
    told: list[str] = []
    html, pdf = build(TEXT, tmp_path / "guide", chromium, told.append)
    text = html.read_text(encoding="utf-8")
    steps = load_guide(TEXT).steps
    assert text.count('src="data:image/png;base64,') == len(steps)
    assert 'src="http' not in text
    assert "Aller sur l'écran <b>«&nbsp;Profil&nbsp;»</b>." in text.replace("&#39;", "'")
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert pdf.stat().st_size > 200_000
    assert f"{len(steps)}/{len(steps)}" in " ".join(told)


@pytest.mark.server
def test_a_label_that_no_page_shows_stops_it_and_is_named_with_its_page(tmp_path: Path) -> None:
    changed = tmp_path / "guide.yaml"
    text = TEXT.read_text(encoding="utf-8")
    assert text.count("- Pas encore inscrit ?\n") == 1
    changed.write_text(text.replace("- Pas encore inscrit ?\n", "- Déjà inscrit ?\n"), encoding="utf-8")
    made = subprocess.run(
        [sys.executable, "-m", "tests.guide", "--text", str(changed), "--into", str(tmp_path / "guide")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 1
    assert "no guide: the page 'home' (Mes services en ligne — Caisses Sociales de Monaco)" in made.stderr
    assert "does not show the label 'Déjà inscrit ?'" in made.stderr
    assert not list((tmp_path / "guide").iterdir())


def test_every_label_of_the_slides_stands_beside_a_picture() -> None:
    beside = {label for step in load_guide(TEXT).steps for label in step.labels}
    assert not set(SLIDES.split("\n")[1:-1]) - beside


@pytest.mark.server
def test_a_picture_leaves_the_page_as_it_was(page: Page) -> None:
    step = Step(text=["Valider."], picture="profil", labels=["Profil", "Valider"], mark=["Valider"])
    taken = pictures(guide(step), [Scene("profil", page)], silent)
    assert taken["profil"].startswith(b"\x89PNG")
    assert page.locator("input[type=date]").input_value() == "2025-12-03"


@pytest.mark.server
@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            Step(text=[], picture="profil", labels=["Profils"]),
            r"'profil' \(Profil\) does not show the label 'Profils'",
        ),
        (Step(text=[], picture="profil", mark=["Annuler"]), "nothing to frame called 'Annuler'"),
        (Step(text=[], picture="portail"), "the scene 'profil' has no step"),
    ],
)
def test_what_text_and_page_do_not_share_stops_the_guide(page: Page, step: Step, message: str) -> None:
    with pytest.raises(GuideFailed, match=message):
        pictures(guide(step), [Scene("profil", page)], silent)


def test_a_scene_that_never_comes_stops_the_guide() -> None:
    with pytest.raises(GuideFailed, match="no scene is called portail"):
        pictures(guide(Step(text=[], picture="portail")), [], silent)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: x\n", "subtitle: Field required"),
        (
            "title: x\nsubtitle: y\ntext: []\nchapters: [{title: z, steps: [{text: [], labels: [a]}]}]\n",
            "belong to a picture",
        ),
        (
            "title: x\nsubtitle: y\ntext: []\nchapters: [{title: z, colour: red}]\n",
            "chapters.0.colour: Extra",
        ),
        ("title: [\n", "guide.yaml"),
    ],
)
def test_a_text_that_cannot_be_used_says_where(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "guide.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(GuideFailed, match=message):
        load_guide(file)
