"""The guide's text: ``templates/guide/guide.yaml``, read and checked."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tests.guide.failure import GuideFailed


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Part):
    """What to do, beside a picture of the page on which to do it."""

    text: list[str]
    picture: str = ""
    """The name of a scene of the walk; empty: words alone."""
    mark: list[str] = []
    """Texts of what the picture frames."""
    labels: list[str] = []
    """The wording of the slides, which the page must show."""

    @model_validator(mode="after")
    def _labels_need_a_page(self) -> Step:
        if (self.labels or self.mark) and not self.picture:
            raise ValueError("labels and marks belong to a picture")
        return self


class Chapter(_Part):
    """A part of the guide."""

    title: str
    text: list[str] = []
    steps: list[Step] = []


class Guide(_Part):
    """The whole guide, in the order of the slides."""

    title: str
    subtitle: str
    text: list[str]
    chapters: list[Chapter]

    @property
    def steps(self) -> list[Step]:
        """Every step with a picture, in order."""
        return [step for chapter in self.chapters for step in chapter.steps if step.picture]


def load_guide(file: Path) -> Guide:
    """Return the text of a file. Raises ``GuideFailed`` that says what is wrong with it."""
    try:
        return Guide.model_validate(YAML(typ="safe").load(file))
    except (OSError, YAMLError) as error:
        raise GuideFailed(f"{file}: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise GuideFailed(f"{file}: {place}: {first['msg']}") from error
