# Every command sets up what it needs, and checks what it fetches against hashes that are locked here.
# All that is needed beforehand is Python 3.11 or newer, make and a network.

PYTHON  ?= python3
VENV    ?= .venv
PORT    ?=
WITHOUT ?=

bin      := $(VENV)/bin
locks    := tests/setup/locks
# The Python that makes VENV: one that is named, else the one that it has been made with already.
is-named := $(filter-out file,$(origin PYTHON))
maker     = $(if $(is-named),$(PYTHON),$$(test -x $(bin)/python -a -f $(VENV)/locks.json && echo $(bin)/python || echo $(PYTHON)))
# Another environment beside VENV, of the same Python: $(call beside,FOLDER,LOCK...)
beside    = $(bin)/python tests/setup/environment.py --this-python $(1) $(2)
compile   = $(bin)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header
# The Region of what is deployed is yours, not the one that linting makes do with.
deployment = PYTHONPATH=shared $(your-region) $(bin)/python -m tests.deployment
of-stack   = $(if $(STACK),--stack $(STACK))
npm       = $(bin)/python -m tests.setup.node run portal
contract  = $(bin)/python -m tests.setup.node run contract
openapi  := functions/discovery/static/openapi.json
# What the layer is built for, where it is not Lambda. shared/Makefile, which SAM calls, is told by make.
built-for = $(foreach name,PYTHON_PLATFORM PYTHON_VERSION,$(if $(filter command,$(origin $(name))),$(name)=$($(name))))
insecure := .venv-audit/bin/bandit --quiet --recursive shared functions

export SAM_CLI_TELEMETRY  := 0
export REDOCLY_TELEMETRY := off
export REDOCLY_SUPPRESS_NOTIFICATIONS := true
export AWS_DEFAULT_REGION ?= eu-central-1
your-region := $(if $(filter file,$(origin AWS_DEFAULT_REGION)),env -u AWS_DEFAULT_REGION)

# What is downloaded is kept for the next time: in the home, or here where that cannot be written.
caches := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)
ifneq ($(shell mkdir -p "$(caches)" 2>/dev/null && test -w "$(caches)" && echo kept),kept)
export UV_CACHE_DIR     ?= $(CURDIR)/.cache/uv
export PIP_CACHE_DIR    ?= $(CURDIR)/.cache/pip
export npm_config_cache ?= $(CURDIR)/.cache/npm-cache
endif

# Compiled code is kept, which halves the time of tests; git ignores it, and `make clean` removes it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo run test test-all test-rest prove mutants bench screenshots generate check audit sbom \
	build deploy rollback seats smoke emulate lock clean python local dev fitting needs
.NOTPARALLEL:

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 18

setup: dev needs ## install everything for development and tests (in your editor, use .venv/bin/python)

demo: local ## start the service on this machine and show an agent's whole life
	@PYTHONPATH=shared:functions exec $(bin)/python -m tests.local demo $(if $(PORT),--port $(PORT))

run: local ## start the service on this machine and leave it running (PORT=8080)
	@PYTHONPATH=shared:functions exec $(bin)/python -m tests.local run $(if $(PORT),--port $(PORT))

test: dev ## run the tests of all rules, in five minutes (leave some out: WITHOUT=browser)
	@$(bin)/python -m tests.setup --without "$(WITHOUT)" || test $$? -eq 1 # the tests say what is missing
	$(bin)/pytest -n auto --dist worksteal --without "$(WITHOUT)"

test-all: dev ## run all kinds of tests further, in a quarter of an hour
	@$(bin)/python -m tests.setup --without "$(WITHOUT)" || test $$? -eq 1 # the tests say what is missing
	$(bin)/pytest -n auto --dist worksteal --all --without "$(WITHOUT)"

test-rest: dev ## run what `make test` leaves out of all tests, as CI does on another Python
	@$(bin)/python -m tests.setup --without "$(WITHOUT)" || test $$? -eq 1 # the tests say what is missing
	$(bin)/pytest -n auto --dist worksteal --rest --without "$(WITHOUT)"

prove: dev needs ## run all tests, the randomised ones at full length, and save their figures: hours
	@$(call beside,.venv-prove,requirements-dev.txt $(locks)/prove.txt)
	.venv-prove/bin/pytest --prove -n auto --dist worksteal --without "$(WITHOUT)"

mutants: dev needs ## mutation tests: make small changes to the rules; the tests have to fail
	@$(call beside,.venv-prove,requirements-dev.txt $(locks)/prove.txt)
	.venv-prove/bin/python -m tests.mutants

bench: dev needs ## measure speed and cost, and save the figures (BENCH="--small warm")
	@$(call beside,.venv-bench,requirements-dev.txt $(locks)/bench.txt)
	PYTHONPATH=shared:functions .venv-bench/bin/python -m tests.benchmarks $(BENCH)

screenshots: dev needs ## take screenshots of the portal, with three weeks of sample data
	PYTHONPATH=shared:functions $(bin)/python -m tests.browser.screenshots

generate: dev ## write the generated files: contract, tables in pages, words of portal and command line
	PYTHONPATH=shared:functions $(bin)/python -m licensing_build

check: dev ## check style, format, types, security, contract and template
	@$(call beside,.venv-audit,$(locks)/audit.txt)
	@$(call beside,.venv-scan,$(locks)/scan.txt)
	@$(call beside,.venv-sam,$(locks)/sam.txt)
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy shared functions tests
	PYTHONPATH=shared:functions $(bin)/python -m licensing_build --check
	$(insecure)
	$(npm) biome ci --error-on-warnings --config-path=tests/browser/biome.json functions/portal/static tests/contract/clients
	$(npm) tsc --project tests/browser/tsconfig.json
	$(contract) spectral lint --quiet --fail-severity=hint --ruleset tests/contract/spectral.yaml $(openapi)
	$(contract) redocly lint --config tests/contract/redocly.yaml $(openapi)
	$(bin)/python -m tests.setup.node run consumer pyright --project tests/agent/pyrightconfig.json --pythonpath $(bin)/python
	.venv-sam/bin/sam validate --lint
	.venv-sam/bin/sam validate
	@mkdir -p .cache
	.venv-sam/bin/python tests/template/translate.py > .cache/template.json
	PYTHONPATH=shared $(bin)/python -m tests.deployment kept > .cache/kept.json
	.venv-sam/bin/python tests/template/translate.py DeploymentPreference=Canary10Percent5Minutes > .cache/steps.json
	.venv-sam/bin/cfn-lint .cache/template.json .cache/steps.json .cache/kept.json tests/deployment/deployer.yaml
	.venv-sam/bin/python -m tests.deployment.versions
	.venv-sam/bin/python -m tests.deployment.deployer .cache/steps.json
	.venv-scan/bin/python tests/template/scan.py .cache/template.json

audit: dev ## look for insecure code, and for known vulnerabilities of dependencies
	@$(call beside,.venv-audit,$(locks)/audit.txt)
	$(insecure)
	.venv-audit/bin/python tests/template/audit.py $(sort $(wildcard requirements*.txt $(locks)/*.txt))

sbom: dev ## write the bill of materials (CycloneDX) to .cache/sbom.json
	@$(call beside,.venv-audit,$(locks)/audit.txt)
	@mkdir -p .cache
	.venv-audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
		--output-file .cache/sbom.json requirements.txt
	.venv-audit/bin/python tests/template/sbom.py .cache/sbom.json requirements.txt

build: dev ## build functions and layer in .aws-sam, and check them (PYTHON_PLATFORM=x86_64-manylinux2014)
	@$(call beside,.venv-sam,$(locks)/sam.txt)
	PATH="$(abspath $(bin)):$$PATH" .venv-sam/bin/sam build
	$(bin)/python -m tests.artefacts.building .cache/again $(built-for)
	$(bin)/python -m tests.artefacts.check .aws-sam/build .cache/again $(built-for)
	$(bin)/python -m tests.deployment.build $(built-for)

deploy: fitting build ## build, deploy and check a stack (STACK=licensing PARAMETERS="AlarmEmail=ops@example.com")
	@$(deployment) deploy $(of-stack) $(if $(filter no,$(WAY_BACK)),--no-way-back) \
		$(if $(filter no,$(STACK_POLICY)),--no-stack-policy) -- \
		$(if $(filter no,$(CONFIRM)),--no-confirm-changeset) \
		$(if $(PARAMETERS),--parameter-overrides $(PARAMETERS))

rollback: local ## return a deployed stack's functions to the release before, or to another (TO=7)
	@$(deployment) rollback $(of-stack) $(if $(TO),--to $(TO))

seats: local ## check the seat counters of a deployed stack; changes nothing
	@$(deployment) seats $(of-stack)

smoke: local ## test a deployed stack: URL=... CLIENT_ID=... ADMIN=... (AGENT_CLIENT_ID=... MEMBER=... PARTNER=...)
	@test -n "$(URL)" || { echo "Give the stack's output ApiUrl: make smoke URL=https://..." >&2; exit 2; }
	@$(deployment) compare $(of-stack) --url "$(URL)"; compared=$$?; \
	PYTHONPATH=shared:functions $(bin)/python -m tests.local smoke --url "$(URL)" \
		$(if $(CLIENT_ID),--client-id "$(CLIENT_ID)") $(if $(ADMIN),--admin "$(ADMIN)") \
		$(if $(AGENT_CLIENT_ID),--agent-client-id "$(AGENT_CLIENT_ID)") \
		$(if $(MEMBER),--member "$(MEMBER)") $(if $(PARTNER),--partner "$(PARTNER)") $(if $(LOGIN),--login "$(LOGIN)") && exit $$compared

emulate: dev ## deploy to an emulator of AWS and test deployments there; takes minutes
	@$(call beside,.venv-sam,$(locks)/sam.txt)
	@$(call beside,.venv-emulator,$(locks)/emulator.txt)
	@exec $(bin)/python -m tests.emulator

lock: dev ## pin the dependencies again (newest versions: LOCK_FLAGS=--upgrade)
	$(compile) $(LOCK_FLAGS) pyproject.toml -o requirements.txt
	$(compile) $(LOCK_FLAGS) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	$(compile) $(LOCK_FLAGS) pyproject.toml --group local -c requirements-dev.txt -o $(locks)/local.txt
	for group in uv prove bench peer; do $(compile) $(LOCK_FLAGS) --group $$group -c requirements-dev.txt -o $(locks)/$$group.txt || exit; done
	for group in java go node; do $(compile) $(LOCK_FLAGS) --group $$group -o $(locks)/$$group.txt || exit; done
	for tool in audit clients emulator sam scan; do $(compile) $(LOCK_FLAGS) $(locks)/$$tool.in -o $(locks)/$$tool.txt || exit; done
	$(bin)/python -m tests.setup.node lock

clean: ## remove everything that make made
	rm -rf .venv .venv-* .cache .aws-sam .hypothesis
	find shared functions tests -name __pycache__ -prune -exec rm -r {} +

# What the commands above stand on.
python: # is there, and new enough
	@$(maker) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, but $(PYTHON) is " + sys.version.split()[0] + ". Name a newer one: make demo PYTHON=python3.13")'

local: python # an environment for the local stack
	@$(maker) tests/setup/environment.py $(if $(is-named),--this-python) $(VENV) $(locks)/local.txt

dev: python # an environment for everything
	@$(maker) tests/setup/environment.py $(if $(is-named),--this-python) $(VENV) requirements-dev.txt

fitting: dev # the parameters of a deployment, with each other
	@$(deployment) check $(of-stack) -- $(PARAMETERS)

needs: # what tests need beside Python
	@$(bin)/python -m tests.setup --without "$(WITHOUT)"
