#!/usr/bin/env bash
# Train on a Slurm cluster, one dist_train.sh a node:
#   [NNODES=1] [GPUS_PER_NODE=8] [CPUS_PER_TASK=40] [PORT=...] [SRUN_ARGS='...'] \
#       tools/slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of tools/train.py]
set -euo pipefail
(($# >= 3)) || { echo "usage: $0 PARTITION JOB_NAME CONFIG [arguments of tools/train.py]" >&2; exit 2; }
partition=$1 job_name=$2 config=$3
shift 3
export GPUS_PER_NODE=${GPUS_PER_NODE:-8} DIST_TRAIN="$(dirname "$0")/dist_train.sh"

# The first node of the job is the meeting point, at a port of the job's own; each task learns its rank from Slurm.
# shellcheck disable=SC2016,SC2086
exec srun --partition "$partition" --job-name "$job_name" --nodes "${NNODES:-1}" --ntasks-per-node 1 \
    --gres "gpu:$GPUS_PER_NODE" --cpus-per-task "${CPUS_PER_TASK:-40}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    bash -c 'export NNODES=$SLURM_NNODES NODE_RANK=$SLURM_NODEID
        MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
        export MASTER_ADDR
        ((NNODES == 1)) || export PORT=${PORT:-$((20000 + ${SLURM_JOB_ID:-9500} % 20000))}
        exec bash "$DIST_TRAIN" "$1" "$GPUS_PER_NODE" "${@:2}"' slurm_train "$config" "$@"
