# What one types. Each target first brings the checkout up to date (launcher/set_up.sh), which is quick when it is.

DAY ?= 2017-11-01
USERS ?= 12
REPROCESS ?= none
PRESET ?= small
JUDGE ?= shipped
PYTEST_ARGS ?=

SET_UP := ./launcher/set_up.sh
VENV_PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help set-up run calibrate retrain test prove-kills prove-orders prove-run prove-models prove-training prove-calibration prove-retraining prove-review prove-cluster prove-ids lint ui stop backfill bench clean lock

help: ## list what make can do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-17s %s\n", $$1, $$2 }'

set-up: ## install what is missing; the other targets do so by themselves
	@$(SET_UP)

run: ## refresh one day on a real Airflow and show the result: [DAY=2017-11-01] [USERS=12; 0: as the settings say] [FORCE=1]
	@$(SET_UP)
	@$(VENV_PYTHON) -m launcher run --day "$(DAY)" --users "$(USERS)" $(if $(FORCE),--force)

calibrate: ## examine a judge on a real Airflow: [PRESET=small|full] [JUDGE=shipped|tune] [SEED=7] [FORCE=1]
	@$(SET_UP)
	@$(VENV_PYTHON) -m launcher calibrate --preset "$(PRESET)" --judge "$(JUDGE)" \
		$(if $(SEED),--seed "$(SEED)") $(if $(FORCE),--force)

retrain: ## train a candidate release on a real Airflow: [PRESET=tiny|small|paper] [DAYS=2] [FORCE=1]
	@$(SET_UP)
	@$(VENV_PYTHON) -m launcher retrain --preset "$(PRESET)" $(if $(DAYS),--days "$(DAYS)") $(if $(FORCE),--force)

test: ## run the tests: [PYTEST_ARGS="tests/lake -x"]
	@$(SET_UP)
	@JAVA_HOME="$$($(VENV_PYTHON) -m launcher.java)" $(VENV_PYTHON) -m pytest $(PYTEST_ARGS)

prove-kills: ## kill every step ten times and race publishers ten times; takes about three quarters of an hour
	@$(SET_UP)
	@export JAVA_HOME="$$($(VENV_PYTHON) -m launcher.java)" KILL_ROUNDS=$${KILL_ROUNDS:-10}; \
		$(VENV_PYTHON) -m pytest -m proof tests/end_to_end/test_kills.py && \
		for round in 1 2 3 4 5 6 7 8 9 10; do $(VENV_PYTHON) -m pytest -q tests/lake/test_races.py || exit 1; done

prove-orders: ## refresh three days in three orders and compare every row; takes about twenty minutes
	@$(SET_UP)
	@JAVA_HOME="$$($(VENV_PYTHON) -m launcher.java)" $(VENV_PYTHON) -m pytest -m proof tests/end_to_end/test_orders.py

prove-run: ## kill a run that started its own Airflow, and run again; takes about five minutes
	@$(SET_UP)
	@JAVA_HOME="$$($(VENV_PYTHON) -m launcher.java)" $(VENV_PYTHON) -m pytest -m proof tests/end_to_end/test_own_airflow.py

prove-models: ## infer with models of two more families through the real engine; takes about two minutes
	@$(SET_UP)
	@$(VENV_PYTHON) -m pytest -m proof tests/model_steps/test_foreign_engine.py

prove-training: ## kill a training of experts, and a reinforcement, five times each, and compare; about thirteen minutes
	@$(SET_UP)
	@$(VENV_PYTHON) -m pytest -m proof tests/model_steps/test_killed_training.py
	@$(VENV_PYTHON) -m pytest -m proof tests/model_steps/test_killed_reinforcement.py

prove-calibration: ## examine a judge at the small preset on a fresh lake, on a real Airflow; takes about ten minutes
	@$(SET_UP)
	@JAVA_HOME="$$($(VENV_PYTHON) -m launcher.java)" $(VENV_PYTHON) -m pytest -m proof tests/end_to_end/test_calibration.py

prove-retraining: ## retrain at the tiny preset on a landed lake, again, and with a changed threshold, on a real Airflow; takes about twenty minutes
	@$(SET_UP)
	@JAVA_HOME="$$($(VENV_PYTHON) -m launcher.java)" $(VENV_PYTHON) -m pytest -m proof tests/end_to_end/test_retrain.py

prove-review: ## review a candidate on a real Airflow, through every way that it can end; takes about forty minutes
	@$(SET_UP)
	@JAVA_HOME="$$($(VENV_PYTHON) -m launcher.java)" $(VENV_PYTHON) -m pytest -m proof tests/end_to_end/test_review.py

prove-cluster: ## refresh a day on a cluster (Spark standalone, S3, PostgreSQL), again, and with losses; about twenty minutes
	@$(SET_UP)
	@$(VENV_PYTHON) -m tests.cluster.postgres
	@JAVA_HOME="$$($(VENV_PYTHON) -m launcher.java)" $(VENV_PYTHON) -m pytest -m proof tests/cluster/test_executors.py
	@JAVA_HOME="$$($(VENV_PYTHON) -m launcher.java)" $(VENV_PYTHON) -m pytest -rP -m proof tests/cluster/test_cluster.py

prove-ids: ## search all that a run wrote on a real Airflow for two customers' raw ids; takes about eight minutes
	@$(SET_UP)
	@JAVA_HOME="$$($(VENV_PYTHON) -m launcher.java)" $(VENV_PYTHON) -m pytest -m proof tests/end_to_end/test_hidden_ids.py

lint: ## check style and types
	@$(SET_UP) --packages-only
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -m mypy

ui: ## start Airflow and stay, for the browser
	@$(SET_UP)
	@$(VENV_PYTHON) -m launcher ui

stop: ## end what runs in this checkout
	@if [ -x $(VENV_PYTHON) ]; then $(VENV_PYTHON) -m launcher stop; fi

backfill: ## refresh days: FROM=2017-11-01 TO=2017-11-03 [USERS=12] [REPROCESS=failed|completed] [FORCE=1] [DRY_RUN=1]
	@$(if $(and $(FROM),$(TO)),,echo "Name the days: make backfill FROM=2017-11-01 TO=2017-11-03" >&2; exit 64)
	@$(SET_UP)
	@$(VENV_PYTHON) -m launcher backfill --from "$(FROM)" --to "$(TO)" --users "$(USERS)" \
		--reprocess "$(REPROCESS)" \
		$(if $(FORCE),--force) $(if $(DRY_RUN),--dry-run)

bench: ## run one benchmark: NAME=...
	@$(if $(NAME),,echo "Name a benchmark, make bench NAME=...: $(patsubst bench/%.py,%,$(wildcard bench/[a-z]*.py))" >&2; exit 64)
	@$(SET_UP)
	@JAVA_HOME="$$($(VENV_PYTHON) -m launcher.java)" $(VENV_PYTHON) -m bench.$(NAME)

clean: ## remove what was made at run time (the lake, logs, models); the key of the pseudonyms stays
	@if [ -x $(VENV_PYTHON) ]; then $(VENV_PYTHON) -m launcher stop; fi
	@if [ -d var ]; then find var -mindepth 1 -maxdepth 1 ! -name pseudonym.key -exec rm -rf {} +; fi
	@rm -rf .mypy_cache .ruff_cache .pytest_cache

lock: ## resolve requirements/*.in into the pinned requirements.txt and requirements/*.txt: [UPGRADE=1]
	@$(SET_UP) --packages-only
	@./launcher/lock.sh $(if $(UPGRADE),--upgrade)
