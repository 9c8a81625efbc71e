#!/usr/bin/env bash
# Train on several GPUs, or CPU processes where there is none:
#   tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]
# On several machines, run it on each with NNODES, NODE_RANK (0 .. NNODES-1), MASTER_ADDR and PORT set.
set -euo pipefail
(($# >= 2)) || { echo "usage: $0 CONFIG GPUS [arguments of tools/train.py]" >&2; exit 2; }
config=$1 gpus=$2
shift 2

meeting=(--nnodes "${NNODES:-1}" --node_rank "${NODE_RANK:-0}"
    --master_addr "${MASTER_ADDR:-127.0.0.1}" --master_port "${PORT:-29500}")
# Alone on a machine the processes find a free port, so that a second run does not meet the first.
[[ ${NNODES:-1} != 1 || -n ${PORT:-} ]] || meeting=(--standalone)
exec torchrun "${meeting[@]}" --nproc_per_node "$gpus" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
