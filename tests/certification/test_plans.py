"""Every module of every plan has the test of its name, and no test claims another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.certification.plans import PLANS

HERE = Path(__file__).parent
_TEST = re.compile(r"^def test_(oidcc_\w+)\(", re.MULTILINE)


@pytest.mark.parametrize("plan", PLANS)
def test_each_module_has_the_test_of_its_name_in_the_order_of_the_plan(plan: str) -> None:
    file, modules = PLANS[plan]
    tests = _TEST.findall((HERE / f"{file}.py").read_text("utf-8"))
    assert tests == [module.replace("-", "_") for module in modules]


@pytest.mark.parametrize("plan", PLANS)
def test_the_readme_names_each_plan_with_its_file_and_how_many_modules_it_has(plan: str) -> None:
    file, modules = PLANS[plan]
    rows = [line for line in (HERE / "README.md").read_text("utf-8").splitlines() if f"| {plan} " in line]
    assert [[cell.strip() for cell in row.strip("|").split("|")][:3] for row in rows] == [
        [plan, f"`{file}.py`", str(len(modules))]
    ]
