#!/usr/bin/env bash
# Evaluate on several GPUs, or CPU processes where there is none:
#   tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py]
# CHECKPOINT is '' where the config names all weights, as in configs/retrieval.
# On several machines, run it on each with NNODES, NODE_RANK (0 .. NNODES-1), MASTER_ADDR and PORT set.
set -euo pipefail
(($# >= 3)) || { echo "usage: $0 CONFIG CHECKPOINT GPUS [arguments of tools/test.py]" >&2; exit 2; }
config=$1 checkpoint=$2 gpus=$3
shift 3

meeting=(--nnodes "${NNODES:-1}" --node_rank "${NODE_RANK:-0}"
    --master_addr "${MASTER_ADDR:-127.0.0.1}" --master_port "${PORT:-29500}")
# Alone on a machine the processes find a free port, so that a second run does not meet the first.
[[ ${NNODES:-1} != 1 || -n ${PORT:-} ]] || meeting=(--standalone)
exec torchrun "${meeting[@]}" --nproc_per_node "$gpus" \
    "$(dirname "$0")/test.py" "$config" ${checkpoint:+"$checkpoint"} --launcher pytorch "$@"
