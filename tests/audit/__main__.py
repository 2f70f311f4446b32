"""Run the audit, say what it found, and renew its table: `make audit`, or `make audit ONLY="page label ..."`.

With `--asked` nothing is bent: it says which functions no test asks, and which bounds are seen otherwise than is said.
"""

import sys

from . import audit, table, verdicts


def main() -> None:
    """Try all statements of the book, or of some pages, or some statements."""
    words = [word for word in sys.argv[1:] if word != "--asked"]
    bending, whole = "--asked" not in sys.argv, not words
    found = audit.audit(words, bending)
    print(table.text(found, whole and bending))
    if bending:
        table.save(found, whole)
    sys.exit(any(verdicts.faults(found)) or (whole and bending and bool(verdicts.needless(found))))


if __name__ == "__main__":
    main()
