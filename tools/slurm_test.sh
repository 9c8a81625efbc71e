#!/usr/bin/env bash
# Evaluate on a Slurm cluster, one dist_test.sh a node:
#   [NNODES=1] [GPUS_PER_NODE=8] [CPUS_PER_TASK=40] [PORT=...] [SRUN_ARGS='...'] \
#       tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]
set -euo pipefail
(($# >= 4)) || { echo "usage: $0 PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]" >&2; exit 2; }
partition=$1 job_name=$2 config=$3 checkpoint=$4
shift 4
export GPUS_PER_NODE=${GPUS_PER_NODE:-8} DIST_TEST="$(dirname "$0")/dist_test.sh"

# The first node of the job is the meeting point, at a port of the job's own; each task learns its rank from Slurm.
# shellcheck disable=SC2016,SC2086
exec srun --partition "$partition" --job-name "$job_name" --nodes "${NNODES:-1}" --ntasks-per-node 1 \
    --gres "gpu:$GPUS_PER_NODE" --cpus-per-task "${CPUS_PER_TASK:-40}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    bash -c 'export NNODES=$SLURM_NNODES NODE_RANK=$SLURM_NODEID
        MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
        export MASTER_ADDR
        ((NNODES == 1)) || export PORT=${PORT:-$((20000 + ${SLURM_JOB_ID:-9500} % 20000))}
        exec bash "$DIST_TEST" "$1" "$2" "$GPUS_PER_NODE" "${@:3}"' slurm_test "$config" "$checkpoint" "$@"
