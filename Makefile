# Everything a person does here. Needed: Go, npm and make; the CDK command line and its Node come from package-lock.json.

# Not ?=: PORT and ENV are often set in a shell for other reasons, and must not choose what is deployed.
PORT     := 8080
BEDROCK  := embedded
ENV      := dev
BASE     := main
DELIVERY := delivery.yaml
APPROVAL := broadening
CONFIRM  :=
GITHUB   :=
KEY_SECRET :=
FUZZTIME := 10000x
FUZZ     := runtime
QUICK    :=
SOAK     := 10m
WRITE    :=

# The pinned Node and CDK before whatever the machine has.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

CDK      = cdk --no-notices -c environment=$(ENV)
PIPELINE = .build/pipeline
INSTALLED = node_modules/.installed
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT = go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.PHONY: help up once test synth cost timing image diff report deploy bootstrap destroy delivery check format vet lint fuzz soak bench clean pipeline

help: ## lists these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(INSTALLED) pipeline ## synthesizes the local environment and runs it here; PORT=8080, BEDROCK=aws for the real service
	@exec $(PIPELINE) up -listen 127.0.0.1:$(PORT) -bedrock $(BEDROCK)

once: $(INSTALLED) pipeline ## the same, asks two questions, compares the environments, looks at the dashboards and ends
	@exec $(PIPELINE) up -once -listen 127.0.0.1:0

test: $(INSTALLED) ## runs every test, fuzzes for some seconds, and runs the local environment once
	go test -count=1 -timeout 30m ./...
	@$(MAKE) --no-print-directory fuzz
	@$(MAKE) --no-print-directory once

synth: $(INSTALLED) pipeline ## synthesizes an environment and lists its stacks; ENV=dev
	@$(CDK) synth --quiet '**'
	@$(PIPELINE) stacks

cost: $(INSTALLED) pipeline ## says what an environment costs by list prices, from its templates; ENV=dev
	@$(PIPELINE) cost -environment $(ENV)

timing: $(INSTALLED) pipeline ## compares the time to synthesize all environments with that of each alone
	@$(PIPELINE) timing

image: pipeline ## builds the container image in .build/image, without a container engine, and prints its digest
	@$(PIPELINE) image

diff: $(INSTALLED) ## shows what a deployment would change; ENV=dev
	@$(CDK) diff '$(ENV)-*/**'

report: ## says what this checkout would change in what BASE deploys, without an account; BASE=main
	@.ci/report $(BASE)

deploy: $(INSTALLED) pipeline ## deploys an environment, Region by Region; ENV=dev
	@set -e; steps=$$($(PIPELINE) steps -environment $(ENV)); \
	for step in $$steps; do echo "deploy $$step"; $(CDK) deploy --require-approval $(APPROVAL) "$$step"; done

bootstrap: $(INSTALLED) pipeline ## prints how to make an environment's account ready; ENV=prod GITHUB=OWNER/NAME, and CONFIRM=prod does it
	@set -e; $(PIPELINE) bootstrap -environment $(ENV) -delivery "$(DELIVERY)" -github "$(GITHUB)" -key-secret "$(KEY_SECRET)" >.build/bootstrap.sh; cat .build/bootstrap.sh; \
	if [ "$(CONFIRM)" = "$(ENV)" ]; then sh .build/bootstrap.sh; else echo "# Nothing has been run. The same command with CONFIRM=$(ENV) runs it."; fi

destroy: $(INSTALLED) pipeline ## deletes an environment that is no production, and what its buckets hold; ENV=dev CONFIRM=dev
	@set -e; steps=$$($(PIPELINE) steps -destroy -environment $(ENV)); \
	if [ "$(CONFIRM)" != "$(ENV)" ]; then echo "Nothing is deleted. make destroy ENV=$(ENV) CONFIRM=$(ENV) deletes, in this order:"; echo "$$steps"; exit 1; fi; \
	for step in $$steps; do echo "destroy $$step"; $(PIPELINE) empty -environment $(ENV) -confirm $(CONFIRM); \
	  $(CDK) destroy --force "$$step" || { $(PIPELINE) empty -environment $(ENV) -confirm $(CONFIRM); $(CDK) destroy --force "$$step"; }; done

delivery: $(INSTALLED) ## synthesizes the pipeline of a delivery file and its environments; DELIVERY=delivery.yaml
	@cdk --no-notices -c delivery=$(DELIVERY) synth --quiet '**'

rehearse: $(INSTALLED) pipeline ## deploys, updates and destroys an environment on a local emulator of AWS; ENV=dev
	@exec $(PIPELINE) rehearse -environment $(ENV) $(if $(WRITE),-write)

check: format vet lint test ## is the gate: format, vet, lint, tests, and nothing changed by them
	git diff --exit-code

format:
	@files=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$files" ]; then echo "not formatted, run gofmt -w on:"; echo "$$files"; exit 1; fi

vet:
	go vet ./...

lint:
	$(STATICCHECK) ./...
	$(ACTIONLINT)

# So many inputs, and not so long: on a busy machine Go 1.26 takes the end of its own time for a failure (go.dev/issue/75804).
fuzz: ## runs each fuzz target; FUZZTIME=10000x inputs, FUZZ=folder
	@for folder in $$(grep -rl --include='*_test.go' '^func Fuzz' $(FUZZ) | xargs -n 1 dirname | sort -u); do \
	  for target in $$(go test -list '^Fuzz' ./$$folder | grep '^Fuzz'); do \
	    echo "fuzz $$folder $$target for $(FUZZTIME)"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x ./$$folder || exit 1; \
	  done; \
	done

soak: ## loads the server for long: at 70 % of what it can do, then ten times over, then sets its clock; SOAK=10m
	RELIABILITY_SOAK=$(SOAK) go test -count=1 -v -timeout 24h -run 'TestSoak|TestOverloadMeasured|TestClockJumps' ./test/reliability

bench: ## measures the programs beside a bare handler's and writes docs/performance.md; QUICK=1 only tries
	go run ./test/bench $(if $(QUICK),-quick,-write)

clean: ## removes everything that was made here
	rm -rf .build cdk.out node_modules

# Always: the Go tool knows better than make whether it is up to date. It does not ask git, which fails where it distrusts the
# folder's owner.
pipeline:
	@go build -buildvcs=false -o $(PIPELINE) ./cmd/pipeline

$(INSTALLED): package-lock.json package.json .npmrc
	@echo "install the CDK command line and Node …"
	@npm ci --no-fund --no-audit --loglevel=error
	@touch $@
