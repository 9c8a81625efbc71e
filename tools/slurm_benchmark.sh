#!/usr/bin/env bash
# Run a suite on a Slurm cluster, one process a GPU; goes on by itself when its time is up (docs/clusters.md):
#   [NNODES=1] [GPUS_PER_NODE=8] [CPUS_PER_TASK=5] [NOTICE=120] [PORT=...] [SRUN_ARGS='...'] \
#       tools/slurm_benchmark.sh PARTITION JOB_NAME SUITE [arguments of tools/benchmark.py]
# CPUS_PER_TASK is for each GPU; NOTICE seconds before the end it is told to stop.
set -euo pipefail
(($# >= 3)) || { echo "usage: $0 PARTITION JOB_NAME SUITE [arguments of tools/benchmark.py]" >&2; exit 2; }
tools=$(dirname "$0")
# shellcheck source=tools/slurm_common.sh
source "$tools/slurm_common.sh"
# shellcheck disable=SC2034
AGAIN=
run_on_slurm "$1" "$2" "$tools/benchmark.py" "${@:3}"
