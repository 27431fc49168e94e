# The commands of README.md; `make help` lists them. CMake does the building, in build/.
BUILD ?= build
PREFIX ?= /usr/local
# Files are compiled in groups: a full build takes half the time; `make check` compiles each alone.
CMAKE_FLAGS ?= -DCMAKE_UNITY_BUILD=ON
PROMPT ?= Why is the sky blue?

heed = $(BUILD)/heed

.PHONY: all packages run test check sanitize fuzz bench bench-peers bench-large docs wheel install help

all: packages  ## build the command, build/heed
	@cmake -S . -B $(BUILD) -G Ninja $(CMAKE_FLAGS) > $(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@cmake --build $(BUILD)

packages:
	@scripts/install-packages build

run: export PROMPT := $(PROMPT)
run: all  ## fetch SmolLM2 and let it answer a prompt: make run PROMPT="..."
	@scripts/fetch-models smollm2
	@$(heed) run smollm2 -n 256 "$$PROMPT"

test: all  ## run all tests; those of real models fetch what they need, or say that they skip
	@scripts/fetch-models || echo "tests of real models will be skipped" >&2
	@scripts/test $(BUILD)

check: packages  ## prove what needs no run: format, includes downward, no warnings from clang, clang-tidy
	@scripts/install-packages check
	@scripts/check

sanitize: packages  ## run all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/install-packages check
	@scripts/sanitize

fuzz: packages  ## feed nonsense to every reader of foreign bytes, 60 s each
	@scripts/install-packages check
	@scripts/fuzz

bench: all  ## measure the speed of SmolLM2
	@scripts/fetch-models smollm2
	@$(heed) bench smollm2

bench-peers: all  ## the same beside other engines, where they are installed
	@scripts/fetch-models
	@scripts/bench-peers $(heed)

bench-large: all  ## Heed and llama.cpp on models larger than the caches, of random weights
	@scripts/bench-large $(BUILD)

wheel: packages  ## a wheel of the Python package, tested in an empty environment: build-wheel/dist
	@scripts/install-packages python
	@scripts/wheel

docs:  ## pages about the interfaces, and the headers' comments, as HTML: build-docs/html
	@scripts/install-packages docs
	@scripts/docs

install: all  ## install the command, the library and its headers: make install PREFIX=/usr/local
	@cmake --install $(BUILD) --prefix $(PREFIX)

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile
