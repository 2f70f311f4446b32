"""The suite on trial: does it notice a small fault in the source of the package?

`make mutants` plants one fault after the other; what came of it stands in `table.json`, which the book shows.
"""
