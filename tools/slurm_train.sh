#!/usr/bin/env bash
# Train on a Slurm cluster, one process a GPU; goes on by itself when its time is up (docs/clusters.md):
#   [NNODES=1] [GPUS_PER_NODE=8] [CPUS_PER_TASK=5] [NOTICE=120] [PORT=...] [SRUN_ARGS='...'] \
#       tools/slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of tools/train.py]
# CPUS_PER_TASK is for each GPU; NOTICE seconds before the end it is told to stop.
set -euo pipefail
(($# >= 3)) || { echo "usage: $0 PARTITION JOB_NAME CONFIG [arguments of tools/train.py]" >&2; exit 2; }
tools=$(dirname "$0")
# shellcheck source=tools/slurm_common.sh
source "$tools/slurm_common.sh"
# shellcheck disable=SC2034
AGAIN=--resume
run_on_slurm "$1" "$2" "$tools/train.py" "${@:3}"
