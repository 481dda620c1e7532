# Boxwright.  `make help` lists what there is.
#
# One non-recursive file.  Sources are found by folder, so adding one needs no edit.  Each
# layer becomes an archive; a program or test links the archives from its own layer down, so
# an upward call does not even link.  VARIANT=debug|release|asan|tsan|fuzz builds below
# build/<variant>/; B=dir puts everything elsewhere.

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/bash

VARIANT ?= debug
BUILD ?= build
B := $(BUILD)/$(VARIANT)
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

# ---- layers, low to high ------------------------------------------------------------------
LAYERS := boxcore/base boxcore/net boxcore/engine boxcore/link boxcore/egress boxcore \
	boxcore/agent webhooks prompts service/schedule service/config service/store \
	service/github service/repo service/relay service/rules service/jobs service/box \
	service/preview service/task service/http service/app service/cli

CC_fuzz := clang
CC := $(or $(CC_$(VARIANT)),gcc)
PKGS := libcurl jansson libgit2 libmicrohttpd sqlite3 libjwt libcrypto yaml-0.1 libzstd icu-i18n

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wformat=2 \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wswitch-enum \
	-Wimplicit-fallthrough -Wdouble-promotion -Wredundant-decls -Werror
WARN_gcc := -Wformat-signedness -Wcast-align=strict -Wnull-dereference -Wduplicated-cond \
	-Wduplicated-branches -Wlogical-op
FLAGS_debug := -O0 -g3
FLAGS_release := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	-fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
FLAGS_asan := -O1 -g3 -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
FLAGS_tsan := -O1 -g3 -fsanitize=thread
# The sanitizers' own code makes gcc see paths that are none; debug and release do warn.
WARN_asan := -Wno-maybe-uninitialized -Wno-null-dereference -Wno-restrict -Wno-format-truncation
WARN_tsan := $(WARN_asan)
FLAGS_fuzz := -O1 -g3 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -Wno-unknown-warning-option -DFUZZING
CFLAGS_ALL = -std=gnu17 -D_GNU_SOURCE -I. -I$(B)/gen -fno-common -fPIE $(WARN) \
	$(if $(filter gcc%,$(CC)),$(WARN_gcc)) $(WARN_$(VARIANT)) $(FLAGS_$(VARIANT)) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed \
	$(filter -fsanitize%,$(FLAGS_$(VARIANT))) $(LDFLAGS)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread -lm

# ---- what is where ------------------------------------------------------------------------
layer_lib = $(B)/lib/$(subst /,_,$(1)).a
# The archives of a layer and all below it, high to low, as a group-free link line.
rev = $(if $(1),$(call rev,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
upto = $(if $(filter $(1),$(2)),$(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,$(call upto,$(1),$(wordlist 2,$(words $(2)),$(2)))))
LIVE_LAYERS := $(foreach l,$(LAYERS),$(if $(wildcard $(l)/*.c),$(l)))
libs_upto = $(foreach l,$(call rev,$(call upto,$(1),$(LAYERS))),$(if $(filter $(l),$(LIVE_LAYERS)),$(call layer_lib,$(l))))
ALL_LIBS := $(foreach l,$(call rev,$(LIVE_LAYERS)),$(call layer_lib,$(l)))

MAIN_SRC := $(wildcard service/main.c)
BOXWRIGHT := $(B)/boxwright
INIT_SRC := $(wildcard boxcore/init/*.c)
BOXINIT := $(B)/boxinit
INIT_SHARED := $(wildcard boxcore/link/frame.c)
UNIT_SRC := $(shell find tests/unit tests/box -name 'test_*.c' 2>/dev/null)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)
BENCH_SRC := $(wildcard tests/bench/bench_*.c)
BENCH_BIN := $(BENCH_SRC:%.c=$(B)/%)
EXAMPLE_SRC := $(wildcard tests/example/*.c)
EXAMPLE_BIN := $(EXAMPLE_SRC:%.c=$(B)/%)
TEST_LIB_SRC := $(wildcard tests/lib/*.c)
TEST_LIB := $(if $(TEST_LIB_SRC),$(B)/lib/tests.a)

.PHONY: help build all
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

all: build
build: $(if $(MAIN_SRC),$(BOXWRIGHT)) $(if $(INIT_SRC),$(BOXINIT)) ## the program, in build/<variant>/ (VARIANT=release for use)

# ---- compiling ----------------------------------------------------------------------------
# Changed flags rebuild everything.
$(B)/.flags: FORCE
	@mkdir -p $(B)
	@echo '$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL)' | cmp -s - $@ || echo '$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL)' > $@
FORCE:

$(B)/obj/%.o: %.c $(B)/.flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

define layer_rule
$(call layer_lib,$(1)): $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(1)/*.c))
endef
$(foreach l,$(filter-out service,$(LIVE_LAYERS)),$(eval $(call layer_rule,$(l))))
$(TEST_LIB): $(TEST_LIB_SRC:%.c=$(B)/obj/%.o)
$(B)/lib/%.a:
	@mkdir -p $(@D)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)

# What the sanitizers must know of libraries (tests/lib/sanitizers.c says why).
SANITIZER_OBJ := $(if $(filter asan tsan,$(VARIANT)),$(B)/obj/tests/lib/sanitizers.o)

$(BOXWRIGHT): $(B)/obj/service/main.o $(SANITIZER_OBJ) $(ALL_LIBS)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS)

# boxinit runs as PID 1 of any image: static, small, and without the sanitizers.
INIT_CC ?= musl-gcc
$(BOXINIT): $(INIT_SRC) $(INIT_SHARED) $(wildcard boxcore/init/*.h boxcore/link/frame.h boxcore/link/proto.h) $(B)/.flags
	@mkdir -p $(@D)
	@echo "  INIT  $@"
	$(Q)$(INIT_CC) -std=gnu17 -D_GNU_SOURCE -I. -Os -g -static -fno-common $(WARN) \
		-fstack-protector-strong -Wl,-z,relro,-z,now,-z,noexecstack \
		-o $@ $(INIT_SRC) $(INIT_SHARED)

# A file that is compiled in by .incbin is not seen by -MMD.
$(B)/obj/prompts/prompts.o: $(wildcard prompts/*.md)
$(B)/obj/service/store/migrations.o: $(wildcard service/store/migrations/*.sql)
$(B)/obj/service/http/assets.o: $(wildcard service/http/web/* service/http/*.json)
$(B)/obj/boxcore/runtime.o: deploy/images/runtime.Dockerfile
$(B)/obj/boxcore/boxinit_blob.o: $(BOXINIT)
$(B)/obj/boxcore/boxinit_blob.o: CFLAGS_ALL += -DBOXINIT_PATH='"$(BOXINIT)"'

# ---- tests --------------------------------------------------------------------------------
# tests/unit/<layer>/test_x.c links <layer> and what is below it; tests/box links boxcore/agent,
# but for test_agent.c, which has the relay between the agent and its model.
unit_layer = $(patsubst tests/unit/%/,%,$(dir $(1)))
# Tests of real boxes take the real thing where tests/lib has a fake: the layers come first, and
# again behind the helpers.
box_libs = $(call libs_upto,$(if $(filter %/test_agent.c,$(1)),service/relay,boxcore/agent))
define unit_rule
$(B)/$(basename $(1)): $(B)/obj/$(basename $(1)).o $(SANITIZER_OBJ) $(if $(filter tests/box/%,$(1)),$(call box_libs,$(1))) $(TEST_LIB) $(call libs_upto,$(if $(filter tests/box/%,$(1)),$(if $(filter %/test_agent.c,$(1)),service/relay,boxcore/agent),$(call unit_layer,$(1))))
endef
$(foreach s,$(UNIT_SRC),$(eval $(call unit_rule,$(s))))
$(UNIT_BIN):
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -Wl,-u,test_filter_start -o $@ $(filter %.o,$^) $(filter %.a,$+) $(PKG_LIBS) -lcmocka

$(BENCH_BIN) $(EXAMPLE_BIN): $(B)/%: $(B)/obj/%.o $(ALL_LIBS)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS)

$(FUZZ_BIN): $(B)/%: $(B)/obj/%.o $(ALL_LIBS)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(filter-out -fsanitize%,$(LDFLAGS_ALL)) -fsanitize=$(if $(filter fuzz,$(VARIANT)),fuzzer$(comma))address,undefined \
		-o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS)
comma := ,

.PHONY: tests-build
tests-build: $(UNIT_BIN)

-include tests/rules.mk
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

.PHONY: fmt clean
fmt: ## clang-format in place
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i
clean: ## remove build/
	rm -rf $(BUILD)
