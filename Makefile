# Bulkhead. `make demo` shows it, `make test` proves it, `make help` lists the rest.
#
# What is made lies under build/<variant>/: objects, archives, test programs and the program
# itself, build/release/bulkhead. `make VARIANT=asan` builds another variant, `V=1` shows the
# commands, `make test ONLY=json` runs the tests with that in their name. New .c files are found by
# their folder. Packages of the system are in tests/deps.sh.

VERSION      := 0.1.0
VARIANT      := release
PREFIX       ?= /usr/local
FUZZ_SECONDS := 20
MAKEFLAGS    += -rR --no-print-directory

# ---- variants: compiler and flags ----

gcc      := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
sanitize := -fno-sanitize-recover=all -fno-omit-frame-pointer

release    := $(gcc) -O3
asan       := $(gcc) -O1 -fsanitize=address,undefined $(sanitize)
tsan       := $(gcc) -O1 -fsanitize=thread $(sanitize)
cover      := $(gcc) -O0 --coverage
fuzz       := clang -O1 -fsanitize=fuzzer-no-link,address,undefined $(sanitize)
gcc-O0     := gcc -O0 -w
clang-O0   := clang -O0 -w
clang-O3   := clang -O3 -w
lint-gcc   := gcc -O3 -Werror
lint-clang := clang -O1 -Werror
variants   := release asan tsan cover fuzz gcc-O0 clang-O0 clang-O3 lint-gcc lint-clang

B  := build/$(or $(filter $(VARIANT),$(variants)),$(error no such variant: '$(VARIANT)'))
cc := $(firstword $($(VARIANT)))
warnings := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wvla

# Asserts stay in, and a double has the same bits from every compiler at every level: nothing is
# fused, nothing reordered. They stand behind the user's own CFLAGS.
same := -std=c17 -UNDEBUG -ffp-contract=off -fno-math-errno
same_bits := gcc-O0 clang-O0 clang-O3 # and release: tests/golden compares them

# ---- sources, and the libraries they need ----

sources_pure     := $(wildcard base/*.c base/*.S region/*.c control/*.c)
sources_sim      := $(wildcard simulator/*.c)
sources_live     := $(wildcard wire/*.c region/live/*.c control/live/*.c control/dash/*.c)
sources_llhttp   := $(wildcard /usr/share/llhttp/*.c) # Debian ships the parser as C to compile
sources_commands := $(wildcard commands/*.c commands/*.S tests/bench/*.c)
sources_tests    := $(wildcard tests/*.c)
sources_programs := $(wildcard bulkhead.c tests/*/test_*.c tests/fuzz/*.c)

packages_pure := libcjson
packages_live := libuv sqlite3 ncursesw zlib
packages      := $(strip $(packages_pure) $(packages_live))

ask       = $(shell pkg-config $(1) 2>/dev/null)
flags     = -g $(wordlist 2,99,$($(VARIANT))) $(CFLAGS) $(same) $(warnings) -I. -D_GNU_SOURCE \
	-isystem /usr/share/include/llhttp -DBULKHEAD_VERSION=\"$(VERSION)\" $(CPPFLAGS) $(call ask,--cflags $(packages))
libs_pure = $(call ask,--libs $(packages_pure)) -lm
libs_sim  = $(libs_pure) -lpthread
libs_all  = $(call ask,--libs $(packages)) -lm -lpthread


# A live system is dozens of processes of the one program. From archives, those that there are, and
# at a fixed place each of them starts in half the time, and has 30 pages less of its own.
shared       := -lm -lpthread -ldl -lrt
archive      = $(filter /%,$(foreach name,$(1) $(1)_a,$(shell $(cc) -print-file-name=lib$(name).a)))
fixed        = $(foreach lib,$(1),$(firstword $(if $(filter $(shared),$(lib)),,$(call archive,$(lib:-l%=%))) $(lib)))
libs_program = $(if $(filter release,$(VARIANT)),-no-pie $(call fixed,$(libs_all)),$(libs_all))

objects   = $(patsubst %,$(B)/%.o,$(basename $(1)))
archives := $(patsubst %,$(B)/lib%.a,commands live llhttp sim pure)

# ---- tests: a folder's tests get the archives of its floor ----

tests_of   = $(patsubst %.c,$(B)/%,$(wildcard $(patsubst %,tests/%/test_*.c,$(1))))
tests_pure := $(call tests_of,base region control)
tests_sim  := $(call tests_of,simulator)
tests_all  := $(call tests_of,wire dash live commands)
fuzzers    := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
corpora    := $(fuzzers:%=$(B)/fuzz_%_corpus)
scripts    := $(wildcard tests/commands/test_*.sh tests/dash/test_*.sh tests/live/test_*.sh)
ifeq ($(VARIANT),release) # the sources are the same in every variant, the digests want their own
scripts    += $(wildcard tests/lint/test_*.sh tests/golden/test_*.sh)
endif

.PHONY: all everything deps demo test asan tsan check fuzz bench bench-peers lint lint-floors \
	lint-layout lint-scripts lint-gcc lint-clang lint-symbols format cover install uninstall \
	clean help FORCE
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.PRECIOUS: $(B)/%.list

all: $(B)/bulkhead ## the program, build/release/bulkhead

everything: all $(tests_pure) $(tests_sim) $(tests_all) $(corpora)

# ---- how things are made ----

quiet := $(if $(V),,@)
# Write a text to $@ where it differs from what is there: dependents are remade when it changes.
remember = printf '%s\n' '$(strip $(1))' | cmp -s - $@ || printf '%s\n' '$(strip $(1))' >$@

$(B)/flags: FORCE
	@mkdir -p $(B)
	@command -v $(cc) >/dev/null && pkg-config --exists $(packages) || { \
	    echo "building needs $(cc), pkg-config and $(packages): try 'make deps'" >&2; exit 1; }
	@$(call remember,$(cc) $(flags))

$(B)/%.list: FORCE | $(B)/flags
	@$(call remember,$(sources_$*))

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "$(VARIANT): $<"
	$(quiet)$(cc) $(flags) -MMD -MP -c -o $@ $<

$(B)/%.o: %.S $(B)/flags
	@mkdir -p $(@D)
	$(quiet)$(cc) -I. -MMD -MP -c -o $@ $<

$(call objects,$(sources_llhttp)): private warnings := -w -DLLHTTP_STRICT_MODE=1 # not ours to mend

$(B)/base/data_files.o: $(wildcard sim-configs/data/*.csv)

chart_js := /usr/share/javascript/chart.js/chart.min.js
$(chart_js):
	@echo "building needs $@ (libjs-chart.js): try 'make deps'" >&2; exit 1
$(B)/commands/report_files.o: $(wildcard commands/report/*) $(chart_js)

# P: members keep their folder: two files may share a name, and tests/lint/symbols.sh sees whose.
$(archives) $(B)/libtests.a: $(B)/lib%.a: $$(call objects,$$(sources_$$*)) $(B)/%.list
	@rm -f $@
	$(quiet)ar rcsP $@ $(filter %.o,$^)

link = $(quiet)$(cc) $(flags) $(LDFLAGS) $(wrap) -o $@ $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group

$(B)/bulkhead: $(B)/bulkhead.o $(archives)
	$(link) $(libs_program)

$(tests_pure): %: %.o $(B)/libtests.a $(B)/libpure.a
	$(link) -lcmocka $(libs_pure)

$(tests_sim): %: %.o $(B)/libtests.a $(B)/libsim.a $(B)/libpure.a
	$(link) -lcmocka $(libs_sim)

$(tests_all): %: %.o $(B)/libtests.a $(archives)
	$(link) -lcmocka $(libs_all)

$(corpora): $(B)/%_corpus: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/run_corpus.o $(archives)
	$(link) $(libs_all)

$(fuzzers:%=$(B)/fuzz_%): $(B)/%: $(B)/tests/fuzz/%.o $(archives)
	$(link) -fsanitize=fuzzer $(libs_all)

$(B)/tests/%_oom: wrap := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc

-include $(patsubst %.o,%.d,$(call objects,$(sources_pure) $(sources_sim) $(sources_live) \
	$(sources_commands) $(sources_tests) $(sources_programs)))

# ---- what people type ----

deps: ## install the Debian packages that are missing (apt-get, sudo)
	@sh tests/deps.sh build test lint fuzz

demo: ## build, then run the demonstration
	@sh tests/deps.sh build
	@$(MAKE) VARIANT=release all
	@build/release/bulkhead demo

test: ## run every test; the last line is the sum
asan: ## the same under the address and undefined behaviour sanitizers
tsan: ## the same under the thread sanitizer
test asan tsan:
	@sh tests/deps.sh build test
	@$(MAKE) VARIANT=$(@:test=release) check

only     = $(if $(ONLY),$(foreach t,$(1),$(if $(findstring $(ONLY),$(t)),$(t))),$(1))
tests   := $(call only,$(tests_pure) $(tests_sim) $(tests_all))
inputs  := $(call only,$(corpora))
scripts := $(call only,$(scripts))
others  := $(if $(filter tests/golden/%,$(scripts)),$(patsubst %,build/%/bulkhead,$(same_bits)))

# The thread sanitizer of gcc 12 gives up where addresses are randomised over many bits.
run_tsan = $(shell setarch -R true 2>/dev/null && echo setarch -R)

check: all $(tests) $(inputs) $(others)
	@BUILD=$(B) BULKHEAD=$(B)/bulkhead BULKHEADS='$(B)/bulkhead $(others)' \
	ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1 \
	UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
	TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 \
	$(run_$(VARIANT)) sh tests/run.sh $(tests) $(scripts:%='sh %') \
	    $(foreach i,$(inputs),'sh tests/corpus.sh $(i) $(i:$(B)/fuzz_%_corpus=tests/fuzz/corpus/%)')

$(others): build/%/bulkhead: FORCE
	@$(MAKE) VARIANT=$* all

fuzz: ## run each fuzzer for FUZZ_SECONDS=20
	@sh tests/deps.sh build fuzz
	@$(MAKE) VARIANT=fuzz $(fuzzers:%=fuzz-%)

# New inputs stay in build/fuzz/corpus; what breaks something is kept as build/fuzz/X-crash-...
$(fuzzers:%=fuzz-%): fuzz-%: $(B)/fuzz_%
	@mkdir -p $(B)/corpus/$*
	$< -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -artifact_prefix=$(B)/$*- \
	    $(B)/corpus/$* $(wildcard tests/fuzz/corpus/$*)

bench: all ## how fast the simulator is
	@$(B)/bulkhead bench sim

bench-peers: all ## the same beside other simulators, which it installs
	@sh tests/bench/peers.sh

c_files   = $(shell find $(wildcard base wire region control simulator commands tests) bulkhead.c \
	-name '*.[ch]')
sh_files := .ci/run $(wildcard tests/*.sh tests/*/*.sh)

lint: ## floors, symbols, layout, scripts, and every warning is an error
	@sh tests/deps.sh build test lint
	@$(MAKE) -k lint-floors lint-layout lint-scripts lint-gcc lint-clang lint-symbols
	@echo "lint: nothing to say"

lint-floors:
	@sh tests/lint/floors.sh .
lint-layout:
	@clang-format --dry-run -Werror $(c_files)
lint-scripts:
	@shellcheck $(sh_files)
lint-gcc lint-clang:
	@$(MAKE) VARIANT=$@ everything
lint-symbols: lint-gcc
	@sh tests/lint/symbols.sh build/lint-gcc
	@sh tests/lint/deciders.sh build/lint-gcc

format: ## lay the sources out as .clang-format says
	@sh tests/deps.sh lint
	clang-format -i $(c_files)

cover: ## which share of the lines the tests reach, by file
	@sh tests/deps.sh build test
	@mkdir -p build/cover && find build/cover -name '*.gcda' -delete
	@$(MAKE) VARIANT=cover check
	@sh tests/cover.sh build/cover

share = $(DESTDIR)$(PREFIX)/share/bulkhead
install: all ## into PREFIX=/usr/local, below DESTDIR
	install -D -m 755 $(B)/bulkhead '$(DESTDIR)$(PREFIX)/bin/bulkhead'
	@for f in LICENSE $(wildcard docs/*.json) $$(find sim-configs -type f); do \
	    install -D -m 644 "$$f" '$(share)'/"$$f" || exit 1; done

uninstall: ## take out what install put there
	rm -f '$(DESTDIR)$(PREFIX)/bin/bulkhead'
	rm -rf '$(share)'

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | sort | expand -t 12
