"""Plant faults in the package, one after the other, and say which the tests catch: `make mutants`.

`make mutants ONLY="chains kernel"` takes the faults of some files, and renews their part of the table.
"""

import sys

from . import run, table


def main() -> None:
    """Plant all faults, or those of some files."""
    files = {f"{word.removesuffix('.py')}.py" for word in sys.argv[1:]}
    found = run.run(files, table.noticed())
    print(table.text(found))
    table.save(found)
    sys.exit(bool(table.unexplained(found)))


if __name__ == "__main__":
    main()
