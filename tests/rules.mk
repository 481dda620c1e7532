# SPDX-License-Identifier: MIT
# What there is to test with.  Included by the Makefile.

T ?=
N ?=
F ?=
S ?= 10
SUITES ?= unit box flow
TEST_SH := BUILD='$(BUILD)' ONLY='$(T)' CASE='$(N)' tests/test.sh

.PHONY: test test-one asan tsan fuzz lint cov bench demo ci fuzz-build example-build deps engine images
test: ## everything: checks, unit, boxes, flows, fuzz corpus (T=word for some of it)
	@$(TEST_SH) debug checks unit box flow fuzz

test-one: ## one program, one case: T=<word of its name> N=<word of the case>
	@test -n '$(T)' || { echo 'say which: make test-one T=str N=base64' >&2; exit 2; }
	@$(TEST_SH) $(VARIANT) unit box flow

asan: ## the suites under AddressSanitizer and UBSan (SUITES="unit box flow")
	@$(TEST_SH) asan $(SUITES)

tsan: ## the suites under ThreadSanitizer
	@$(TEST_SH) tsan $(SUITES)

fuzz: ## each fuzz target for S=10 seconds (F=<one target>)
	@BUILD='$(BUILD)' tests/fuzz.sh '$(S)' $(F)

lint: ## the checks of tests/checks alone: layers, banned calls, format, words
	@$(TEST_SH) debug checks

cov: ## line coverage of the unit tests, in build/cov/coverage.txt
	@BUILD='$(BUILD)' tests/cov.sh

bench: ## measurements beside the Engine's own, also in build/bench.json
	@BUILD='$(BUILD)' tests/bench/run.sh

demo: ## a signed delivery becomes a pull request, on this machine, no account needed
	@deploy/demo.sh

ci: ## the gate: test; asan and tsan of units, boxes and five flows; a short fuzz of each target
	@BUILD='$(BUILD)' tests/ci.sh

deps: ## install what is missing (apt)
	@deploy/setup/deps.sh

engine: ## find or start a Docker Engine
	@deploy/setup/engine.sh

images: ## make the images of boxes
	@deploy/setup/images.sh base agents

fuzz-build: $(FUZZ_BIN)
example-build: $(EXAMPLE_BIN)
