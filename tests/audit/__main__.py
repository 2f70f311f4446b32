"""`make audit`, or `make audit ONLY="page label ..."`: run the audit, say what it found, and renew its table."""

import sys

from . import audit, table


def main() -> None:
    """Try all statements of the book, or of some pages, or some statements."""
    words = sys.argv[1:]
    found = audit.audit(words)
    print(table.text(found))
    table.save(found, whole=not words)
    sys.exit(bool(table.faults(found)))


if __name__ == "__main__":
    main()
