# What each command does, and what to type without make: README.md

# ENV=<folder> uses an environment of yours, in which nothing is installed.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python,$(shell \
  $(name) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) and print("$(name)")' 2>/dev/null)))
VENV := $(or $(ENV),.venv)
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile
APT = test "$$(id -u)" = 0 && command -v apt-get > /dev/null && echo 'Installing a browser for the tests ...' \
  && apt-get -qq update && apt-get -qq install --yes --no-install-recommends > /dev/null
CHROMIUM = { command -v chromium || command -v chromium-browser || command -v google-chrome; }

# A stamp says what is installed: it is named after a hash of the pins, so an environment is renewed when they change.
PINS := $(shell cat requirements.txt | cksum | cut -d ' ' -f 1)
TEST_PINS := $(shell cat requirements.txt tests/requirements.txt | cksum | cut -d ' ' -f 1)
BOOK_STAMP := $(if $(ENV),,.venv/book-$(PINS))
TEST_STAMP := $(if $(ENV),,.venv/test-$(TEST_PINS))

# Three processes keep two cores busy: browsers and kernels make them wait.  With threads of BLAS they would wait more.
PYTEST = OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3

# Bytecode is worth writing whatever the environment says; the suite's last word stays the last.
unexport PYTHONDONTWRITEBYTECODE
MAKEFLAGS += --no-print-directory

.PHONY: book check test verify audit mutants bench lab live pdf slides notebooks classroom chapter new pins clean browser
.DELETE_ON_ERROR:

book: $(BOOK_STAMP)
	$(BIN)/jupyter-book build . -W -n --keep-going
	@echo 'The book is in _build/html. Open file://$(CURDIR)/_build/html/index.html'
	@echo 'or serve it: $(BIN)/python -m http.server --directory _build/html 8000, then open http://localhost:8000'

test: book $(TEST_STAMP) browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/oxlint rnnkernel book tools
	$(BIN)/mypy
	$(PYTEST)

# For the working day: what needs neither a browser nor the built book, and takes no time.
check: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/oxlint rnnkernel book tools
	$(BIN)/mypy
	$(PYTEST) -m 'not verify and not browser and not built and not slow'

verify: $(TEST_STAMP) mutants
	$(BIN)/python -m pytest -m verify

# Plants small faults in the package, one after the other, and says which the tests miss: make mutants ONLY="chains kernel".
mutants: $(TEST_STAMP)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.mutants $(ONLY)

# Bends the answer of every function that stands under a statement: make audit ONLY="limit-equation prop-training-lazy".
audit: $(TEST_STAMP)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.audit $(ONLY)

bench: $(TEST_STAMP)
	$(if $(ENV),,$(PIP) -r tests/benchmarks/requirements.txt)
	$(BIN)/python -m tests.benchmarks $(ONLY)

# The chapters as notebooks, to work in: copies in work/notebooks.  RENEW=<word> makes those with it in their names anew.
lab: book
	$(BIN)/python tools/lab.py $(if $(RENEW),--renew $(RENEW))

# The pages with Edit and Run at each cell, to project.
live: book
	$(BIN)/python tools/live/serve.py

# The whole book on paper.
pdf: book $(TEST_STAMP) browser
	$(BIN)/python tools/pdf.py

# Decks of some chapters, to be opened in a browser; S shows the text of the chapter as the speaker's notes.
slides: book $(TEST_STAMP)
	$(BIN)/python tools/slides.py

notebooks: book
	@echo 'The notebooks are in _build/notebooks: student/ asks, solved/ answers.'

# All that a room without a network needs.  PLATFORMS='linux windows:3.12 macos' names the machines; this one if not.
classroom: book
	$(BIN)/python tools/classroom.py $(PLATFORMS)

# One chapter, quickly: make chapter NAME=ergodic-data.  References to other chapters stay unresolved.
chapter: PREVIEW = _build/preview/$(NAME)
chapter: $(BOOK_STAMP)
	@mkdir -p $(PREVIEW)
	@printf '%s\n' 'format: jb-book' 'root: book/$(NAME)' 'chapters:' \
	  '  - file: book/toolbox' '  - file: book/api' '  - file: book/tests' '  - file: book/bibliography' > $(PREVIEW)/_toc.yml
	$(BIN)/jupyter-book build . --toc $(PREVIEW)/_toc.yml --path-output $(PREVIEW)
	@echo 'Open $(PREVIEW)/_build/html/book/$(NAME).html'

# A chapter that passes the tests, to begin with: make new NAME=rotations.
new: $(BOOK_STAMP)
	@$(BIN)/python tools/new.py $(NAME)

# Renew the pins from pyproject.toml; needs uv.
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --no-annotate --custom-compile-command 'make pins'
pins:
	$(COMPILE) pyproject.toml --extra book --group book -o requirements.txt
	$(COMPILE) --group test -c requirements.txt -o tests/requirements.txt
	echo '-e .[book]' >> requirements.txt

clean:
	rm -rf _build .venv .cache

.venv/python:
	@test -n '$(PYTHON)' || { echo 'Python 3.11, 3.12 or 3.13 is needed; PYTHON=/its/path says where it is.'; exit 1; }
	@echo 'Setting up .venv with $(PYTHON) ...'
	@$(PYTHON) -m venv --clear .venv
	@touch $@

.venv/book-$(PINS): .venv/python
	$(PIP) -r requirements.txt
	@rm -f .venv/book-*
	@touch $@

.venv/test-$(TEST_PINS): $(BOOK_STAMP)
	$(PIP) -r tests/requirements.txt
	@rm -f .venv/test-*
	@touch $@

# The tests drive Chromium: one that is installed, else Debian's package as root, else Playwright's own build.
# Some drive Firefox: one that is installed, else Debian's package as root.
browser: $(TEST_STAMP)
	@$(CHROMIUM) > /dev/null || { $(APT) chromium; } || $(BIN)/playwright install chromium \
	  || echo 'There is no Chromium and none could be had: the tests in a browser will be skipped (with CI=true they fail).'
	@command -v firefox-esr > /dev/null || command -v firefox > /dev/null || { $(APT) firefox-esr; } \
	  || echo 'There is no Firefox and none could be had: the tests in Firefox will be skipped.'
