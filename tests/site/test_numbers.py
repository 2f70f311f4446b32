"""Numbers that code puts into the text have signs of their own for minus and times, in every page and notebook."""

import pages
import pytest
from book_numbers import GLUED, written
from browsers import HTML


@pytest.mark.parametrize(
    ("python", "book"),
    [
        ("-0.5", "−0.5"),
        ("3e-05", "3·10⁻⁵"),
        ("-1.2e+10", "−1.2·10¹⁰"),
        ("0.1 to -0.2", "0.1 to −0.2"),
        ("Jean-Paul, 2-step, 1985-1990", "Jean-Paul, 2-step, 1985-1990"),
    ],
)
def test_a_number_is_written(python, book):
    assert written(python) == book


@pytest.mark.built
def test_pages_hold_no_hyphen_for_a_minus():
    found = [each for page in pages.PAGES for each in GLUED.findall((HTML / "book" / f"{page}.html").read_text())]
    assert sum("−" in each for each in found) > 100
    assert sum("·10" in each for each in found) > 10
    assert not [each for each in found if each != written(each)]
