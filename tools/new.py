"""Begin a chapter that passes the tests: python tools/new.py <slug>.

It writes ``book/<slug>.md`` and its tests from two templates, and puts the page at the end of the last part.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
APPENDICES = "  - caption: Appendices\n"
TESTS = '''"""What the chapter *TITLE* states, against independent computations."""

import numpy as np
import pages

import rnnkernel as rk


def test_distance_falls_at_the_rate():
    apart = pages.names("SLUG", "apart")["apart"]
    chain = rk.MarkovChain([[0.8, 0.2], [0.1, 0.9]])
    np.testing.assert_allclose(apart(chain.transition), 0.7 ** np.arange(1, 13), rtol=1e-12)
'''


def begin(slug: str, root: Path = ROOT) -> list[Path]:
    """Write the files of a new chapter and list it; return what was written."""
    page, toc = root / "book" / f"{slug}.md", root / "_toc.yml"
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", slug) or page.exists():
        raise ValueError(f"a chapter's name is words in small letters with hyphens, and new; not {slug!r}")
    module = slug.replace("-", "_")
    tests = root / "tests" / "chapters" / f"test_{module}.py"
    words = {"TITLE": slug.replace("-", " ").capitalize(), "SLUG": slug, "MODULE": module}
    for path, text in ((page, (ROOT / "tools" / "chapter.md").read_text()), (tests, TESTS)):
        path.write_text(re.sub("|".join(words), lambda word: words[word[0]], text))
    toc.write_text(toc.read_text().replace(APPENDICES, f"      - file: book/{slug}\n{APPENDICES}"))
    return [page, tests, toc]


if __name__ == "__main__":
    print("Written:", *begin(*sys.argv[1:]))
