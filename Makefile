# Thin calls of the bnn-hw command; `make help` lists them.
DESIGN ?= ncnv
GOAL   ?= high-throughput
OUT    ?= build
BOARD  ?= pynq-z1
POINTS ?=
FINN_ENV := $(or $(BNN_HW_FINN_ENV),.venv-finn)
BNN_HW := .venv/bin/bnn-hw
BOARDS := $(basename $(notdir $(filter-out boards/parts.toml,$(wildcard boards/*.toml))))
SETUP  := pyproject.toml requirements.lock scripts/setup.sh

.PHONY: help demo test bench-hw route pareto calibrate calibrate-power lint setup clean finn-env finn-deps $(BOARDS)

help:
	@echo "make demo                       set up, build and prove n-CNV, classify photographs, write the report"
	@echo "make test                       set up and run the tests"
	@echo "make BOARD DESIGN=.. GOAL=..    build a design for a board (DESIGN=$(DESIGN) GOAL=$(GOAL) OUT=$(OUT))"
	@echo "     BOARD is one of:           $(BOARDS)"
	@echo "make bench-hw               build the design points of the benchmark, table against bar and aim"
	@echo "                                (POINTS=\"ncnv-1024 ucnv-1024\" chooses; OUT=$(OUT))"
	@echo "make route                      place and route the networks with their shell, read the bitstreams back"
	@echo "make pareto DESIGN=.. BOARD=..  table and picture of speed against size and energy (BOARD=$(BOARD))"
	@echo "make calibrate                  fit the planner's cost laws to synthesised units again"
	@echo "make calibrate-power            count activity and fit the power model to published boards again"
	@echo "make finn-env                   make FINN's own environment in $(FINN_ENV) (1.5 GB, some minutes)"
	@echo "make finn-deps                  fetch what FINN needs beside Vivado: finn-hlslib and board files"
	@echo "make setup | lint | clean       only set up; check style and types; remove .venv and $(OUT)"

.venv/.base: $(SETUP)
	@scripts/setup.sh
	@touch $@

.venv/.test: $(SETUP)
	@scripts/setup.sh dev train sweep
	@touch $@ .venv/.base

setup: .venv/.base

demo: .venv/.base
	@$(BNN_HW) demo --out $(OUT)

test: .venv/.test
	@.venv/bin/python -m pytest -n 2 --dist loadfile

lint: .venv/.test
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy bnn_hw

bench-hw: .venv/.base
	@.venv/bin/python benchmarks/bench_hw.py --out $(OUT) $(POINTS)

route: .venv/.base
	@.venv/bin/python benchmarks/route.py --out $(OUT) $(POINTS)

pareto: .venv/.base
	@$(BNN_HW) pareto $(DESIGN) --board $(BOARD) --out $(OUT)

calibrate: .venv/.base
	@.venv/bin/python -m benchmarks.calibrate --measure --out $(OUT)/cost_units

calibrate-power: .venv/.base
	@.venv/bin/python -m benchmarks.calibrate_power --out $(OUT)

$(FINN_ENV)/.base: requirements-finn.txt scripts/finn-env.sh
	@scripts/finn-env.sh $(FINN_ENV)
	@touch $@

finn-env: $(FINN_ENV)/.base

finn-deps: $(FINN_ENV)/.base
	@$(FINN_ENV)/bin/python bnn_hw/finn/worker.py fetch

$(BOARDS): .venv/.base
	@$(BNN_HW) build $(DESIGN) --board $@ --goal $(GOAL) --out $(OUT)

clean:
	rm -rf .venv $(OUT)
