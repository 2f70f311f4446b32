# What each command does, and the same without make: README.md

# ENV=/some/environment uses an environment of yours, in which nothing is installed.
ifdef ENV
BIN := $(ENV)/bin
else
BIN := .venv/bin
endif

JUPYTER_BOOK = $(BIN)/jupyter-book build . -W -n --keep-going

.PHONY: book chapter

book:
	$(JUPYTER_BOOK)

# One chapter, quickly: make chapter NAME=ergodic-data.  References to other chapters stay unresolved.
chapter: PREVIEW = _build/preview/$(NAME)
chapter:
	@mkdir -p $(PREVIEW)
	@printf '%s\n' 'format: jb-book' 'root: book/$(NAME)' 'chapters:' \
	  '  - file: book/api' '  - file: book/tests' '  - file: book/bibliography' > $(PREVIEW)/_toc.yml
	$(BIN)/jupyter-book build . --toc $(PREVIEW)/_toc.yml --path-output $(PREVIEW)
	@echo 'Open $(PREVIEW)/_build/html/book/$(NAME).html'
