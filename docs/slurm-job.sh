#!/bin/bash
# A job of SLURM that trains on until it is done; from the root of the project: sbatch docs/slurm-job.sh
# What a cluster wants goes before the name: sbatch --partition=NAME --account=NAME --time=12:00:00 …
#SBATCH --job-name=leukemia
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=4
#SBATCH --mem=32G
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%j.log

# module load python/3.12   # the one that .venv was made with
unset PYTHONPATH PYTHONHOME # modules set them, and .venv would take their packages for its own

# On a disk that every node sees. The folder of the project need not be on one.
export TRAIN_STATE_DIR=${TRAIN_STATE_DIR:-$PWD/.train_state}

# The stage hears the signals, saves its state and ends. DVC ignores them, or it would end first, and
# the stage be killed with it.
set -m # a group of processes of its own
(trap '' USR1 TERM && exec .venv/bin/dvc repro "$@") &
run=$!

# USR1: the time is nearly up, or another job wants the place. TERM: the job is cancelled, or SLURM
# itself puts it back into the queue.
asked=
trap 'asked=USR1' USR1
trap 'asked=TERM' TERM
while kill -0 "$run" 2>/dev/null; do
    # Every few seconds: between two stages nobody hears it.
    [ -z "$asked" ] || kill -s "$asked" -- "-$run"
    sleep 5 &
    wait $!
done
wait "$run"
code=$?

if [ "$asked" = USR1 ] && [ "$code" -ne 0 ]; then
    exec scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
