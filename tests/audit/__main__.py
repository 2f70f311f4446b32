"""Run the audit, say what it found, and renew its table: `make audit`, or `make audit ONLY="page label ..."`.

With `--asked` nothing is bent: it says which functions no test asks, and which bounds are seen otherwise than is said.
"""

import sys

from . import audit, table, verdicts


def main() -> None:
    """Try all statements of the book, or of some pages, or some statements."""
    words = [word for word in sys.argv[1:] if word != "--asked"]
    bending = "--asked" not in sys.argv
    found = audit.audit(words, bending)
    needless = verdicts.needless(found) if bending else []
    print("\n".join([table.text(found, inequalities=bool(words)), *needless]))
    if bending:
        table.save(found, whole=not words)
    sys.exit(bool(needless) or any(verdicts.faults(found)))


if __name__ == "__main__":
    main()
