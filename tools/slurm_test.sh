#!/usr/bin/env bash
# Evaluate on a Slurm cluster, one process a GPU:
#   [NNODES=1] [GPUS_PER_NODE=8] [CPUS_PER_TASK=5] [NOTICE=120] [PORT=...] [SRUN_ARGS='...'] \
#       tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]
# CHECKPOINT is '' where the config names all weights, as in configs/retrieval.
# CPUS_PER_TASK is for each GPU; NOTICE seconds before the end it is told to stop.
set -euo pipefail
(($# >= 4)) || { echo "usage: $0 PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]" >&2; exit 2; }
tools=$(dirname "$0")
# shellcheck source=tools/slurm_common.sh
source "$tools/slurm_common.sh"
run_on_slurm "$1" "$2" "$tools/test.py" "$3" ${4:+"$4"} "${@:5}"
