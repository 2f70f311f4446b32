"""Run the audit, say what it found, and renew its table: `make audit`, or `make audit ONLY="page label ..."`."""

import sys

from . import audit, table, verdicts


def main() -> None:
    """Try all statements of the book, or of some pages, or some statements."""
    words = sys.argv[1:]
    found = audit.audit(words)
    print(table.text(found, whole=not words))
    table.save(found, whole=not words)
    faults = [*verdicts.faults(found), *verdicts.unsaid(found), *([] if words else verdicts.needless(found))]
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
