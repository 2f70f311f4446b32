"""The evidence on trial: does each named function, when it answers wrongly, make a test fail that is said to verify it?

`make audit` runs it; what it found stands in `table.json`, which the book shows.
"""
