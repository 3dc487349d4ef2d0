# make repro          set everything up, then rebuild the whole pipeline
# make test           set everything up, then check the code and run all tests
# make cross-validate each subject tested once: a model for each fold and seed, and their ensemble
# make verify         rebuild everything in a clean clone beside this one: the same bytes?
# make unit           the quick tests, without TensorFlow, DVC, servers and browser
# make export         the model as one file, models/model.onnx, and as a page for a browser
# make predict        ask the model file: IMAGES="folder another.zip cell.png" > predictions.csv
# make docs           the pages in docs/ as a site in site/
# make compare        is the difference to REV=main real? OPTIONS=--md; see stages/compare
# make leakage        train split by image and by subject, and show the gap
# make experiments    DVC's experiments: what each changed, and how it scores
# make locked         do dvc.lock, metrics, code and parameters belong together?
# make relock          only comments changed? dvc.lock takes the code's new hashes, nothing runs
# make pr-report      what changes against BASE=main, as Markdown in pr-report/
# make bench          how fast is each part, beside what? → docs/performance.md
# make check          the checks alone: lint, format, types
# make requirements   pin every package anew, from pyproject.toml

VENV := .venv
BIN := $(VENV)/bin
SUPPORTED := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c "$(SUPPORTED)" 2>/dev/null && echo $$python && break; done)
# Where an NVIDIA GPU is visible, TensorFlow comes with its CUDA packages.
PINS := $(shell nvidia-smi >/dev/null 2>&1 && echo requirements-gpu.txt || echo requirements.txt)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r
COMPILE := $(BIN)/python -m uv pip compile --quiet --universal --fork-strategy fewest \
	--generate-hashes --custom-compile-command "make requirements"
# The stages run `python`: in this environment, also where nobody has activated it.
VENV_FIRST := import os, sys; first = os.path.join(sys.prefix, "bin") + os.pathsep; \
path = os.environ.get("PATH", os.defpath); \
os.environ["PATH"] = path if path.startswith(first) else first + path

export PYTHONUNBUFFERED := 1
# DVC asks for the user's name: in a container the user may have none.
export LOGNAME ?= $(shell id -un 2>/dev/null)

# What is missing is said before anything is installed.
.NOTPARALLEL:

# By the environment: git allows quotes in the name of a branch.
export REV ?= main
export BASE ?= main
export OTHER

.PHONY: in-git repro cross-validate test verify unit export predict docs compare leakage experiments locked relock pr-report bench check requirements

repro: in-git $(VENV)/.$(PINS)
	@$(BIN)/python -m stages.workspace.params_check
	@$(BIN)/python -m dvc repro
	@$(BIN)/python -m stages.workspace.repro_summary

in-git:
	@case "$$PWD" in *[{}]*) echo "DVC cannot keep outputs in a folder with a brace in its path:" \
		"rename the folder, or move the project elsewhere" >&2; exit 2;; esac
	@told=$$(git rev-parse --git-dir 2>&1) || { case "$$told" in \
		*safe.directory*) remedy="Do that if you trust it, or clone it, and work in your clone";; \
	*"repository: "*) remedy="If the repository was moved, run in it: git worktree repair $$PWD";; \
		*) remedy="Clone the project by git, or make this folder a repository:"; \
		remedy="$$remedy git init && git add --all && git commit --message Start"; \
		test ! -e .git || remedy="The folder .git is damaged: if .git/HEAD is empty, name your branch in it:"; \
		test ! -e .git || remedy="$$remedy echo ref: refs/heads/main > .git/HEAD";; esac; echo "DVC keeps what it knows in git, and git" \
		"says here: $$(echo "$$told" | tr '\n\t' '  '). $$remedy" >&2; exit 2; }
	@test -w . || { echo "You may not write in this folder: clone it, and work in your" \
		"clone: git clone $$PWD" >&2; exit 2; }
	@closed=$$(find .dvc/tmp data metrics models .train_state -maxdepth 1 \( -type d -o -name '*lock*' \) \
		! -exec test -w {} \; -print 2>/dev/null | head -n 1); test -z "$$closed" || { echo "You may not" \
		"write $$closed: another user, or a container as root, has worked here. Work in a clone" \
		"of your own, or take the folder over: sudo chown -R $$(id -u):$$(id -g) ." >&2; exit 2; }

# Two processes with a core each: the threads of OpenBLAS would wait for each other.
test unit: export OPENBLAS_NUM_THREADS := 1

test: check $(VENV)/.requirements-export.txt $(VENV)/.onnxruntime-web
	@$(BIN)/python -m pytest --numprocesses 2

cross-validate: in-git $(VENV)/.$(PINS)
	@$(BIN)/python -m stages.workspace.params_check
	@$(BIN)/python -m dvc repro cross_validation/dvc.yaml
	@$(BIN)/python -m stages.cross_validation.summary

verify: in-git $(VENV)/.$(PINS)
	@$(BIN)/python -m stages.workspace.verify

unit: $(VENV)/.requirements-dev.txt
	@$(BIN)/python -m pytest --numprocesses 2 -p tests.unit

export: in-git $(VENV)/.$(PINS) $(VENV)/.requirements-export.txt $(VENV)/.onnxruntime-web
	@$(BIN)/python -m stages.export --archive data/raw/cnmc.zip --shards data/shards/training \
		--cells-csv data/splits/cells.csv --external-csv data/splits/external.csv \
		--appearance-csv data/appearance.csv --model-keras models/model.keras \
		--train-report metrics/train.json --test-report metrics/test.json --predictions-csv metrics/predictions.csv \
		--model-onnx models/model.onnx --page-html models/classifier.html

# On standard output there is the table alone.
predict: $(VENV)/.requirements-predict.txt
	@test -n "$(strip $(IMAGES))" || { echo "Name images, folders or zips: make predict" \
		'IMAGES="folder another.zip cell.png" > predictions.csv' >&2; exit 2; }
	@$(BIN)/python -m stages.predict $(OPTIONS) -- $(IMAGES)

docs: $(VENV)/.requirements-dev.txt
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going docs site
	@echo "The documentation is in site/: open site/index.html in a browser"

compare: in-git $(VENV)/.$(PINS)
	@$(BIN)/python -m stages.compare $(OPTIONS) "$$REV" $${OTHER:+"$$OTHER"}

leakage: in-git $(VENV)/.$(PINS)
	@$(BIN)/python -m stages.compare.leakage_gap $(OPTIONS)

experiments: in-git $(VENV)/.$(PINS)
	@$(BIN)/python -m stages.compare.experiments

locked: in-git $(VENV)/.$(PINS)
	@$(BIN)/python -m stages.workspace.lock_check

relock: in-git $(VENV)/.$(PINS)
	@$(BIN)/python -m stages.workspace.relock

# A clone of one commit, as CI makes it, does not have the other branch.
pr-report: in-git $(VENV)/.requirements-dev.txt
	@git rev-parse --quiet --verify "$$BASE^{commit}" >/dev/null || \
		git fetch --quiet origin "$$BASE:$$BASE" || \
		{ echo "pr-report: there is no commit $$BASE here, and git fetches no such branch from the" \
		"remote origin; name one: make pr-report BASE=branch" >&2; exit 2; }
	@$(BIN)/python -m stages.compare.pr_report "$$BASE" pr-report

bench: $(VENV)/.requirements-dev.txt
	@$(BIN)/python -m benchmarks $(OPTIONS)

check: $(VENV)/.requirements-dev.txt
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy

requirements: $(VENV)/.requirements-dev.txt
	$(COMPILE) pyproject.toml --output-file requirements.txt
	$(COMPILE) pyproject.toml --extra gpu --constraint requirements.txt --output-file requirements-gpu.txt
	$(COMPILE) --group dev --constraint requirements.txt --output-file requirements-dev.txt
	$(COMPILE) --group export --constraint requirements.txt --output-file requirements-export.txt
	$(COMPILE) --group predict --constraint requirements.txt --output-file requirements-predict.txt

$(VENV)/.requirements-dev.txt: requirements-dev.txt $(VENV)/.$(PINS)
	@echo "Installing the tools for tests and checks into $(VENV)"
	@$(INSTALL) $<
	@$(BIN)/python -m stages.workspace.movable_scripts
	@touch $@

$(VENV)/.requirements-export.txt: requirements-export.txt $(VENV)/.$(PINS)
	@echo "Installing what export needs into $(VENV)"
	@$(INSTALL) $<
	@touch $@

# What runs the model in a page. Where npm or its registry is out of reach, all else is made.
$(VENV)/.onnxruntime-web: stages/export/page/package-lock.json $(VENV)/.requirements-export.txt
	@$(BIN)/python -m stages.export.page.install_runtime && touch $@ || true

$(VENV)/.requirements-predict.txt: requirements-predict.txt | $(VENV)/.made
	@echo "Installing what predict needs into $(VENV)" >&2
	@$(INSTALL) $< >&2
	@touch $@

$(VENV)/.$(PINS): $(PINS) | $(VENV)/.made
	@echo "Installing $(PINS) into $(VENV): a minute or two, more on a slow line"
	@$(INSTALL) $<
	@$(BIN)/python -m stages.workspace.movable_scripts
	@echo '$(VENV_FIRST)' > "$$($(BIN)/python -c \
		'import sysconfig; print(sysconfig.get_path("purelib"))')/venv_first.pth"
	@touch $@

$(VENV)/.made:
	@$(if $(PYTHON),,$(error No Python 3.11, 3.12 or 3.13 with venv was found. Install one (Debian: \
	python3-venv), or name it: make PYTHON=/path/to/python3.13))
	@$(PYTHON) -m venv $(VENV) || { echo "No environment could be made in $(VENV), and why stands" \
		"above; name another folder: make VENV=/path/to/folder" >&2; exit 2; }
	@touch $@
