#!/usr/bin/env bash
# Train an embedded mini encoder and its heads, and write what the package ships.
#
#   DATA_ROOT=data RECIPE=dino bash tools/train_mini.sh              # with a GPU
#   DATA_ROOT=data TEACHER=teacher.safetensors RECIPE=distill bash tools/train_mini.sh   # CPU
#   DATA_ROOT=data RECIPE=deacl bash tools/train_mini.sh             # from the encoder above
#   DATA_ROOT=data RECIPE=robust bash tools/train_mini.sh            # from mini_wide, robust on three tasks
#
# mmssl_robust/assets/mini, mini_deacl or mini_robust receives encoder.safetensors and one head a task. AMP=--amp
# trains the encoder in bfloat16, SEED=1 by another seed.
set -euo pipefail
cd "$(dirname "$0")/.."
RECIPE=${RECIPE:-dino}
NAME=mini
HEADS=mini
PYTHON=${PYTHON:-python}
newest() { echo "work_dirs/$1/$(basename "$(cat "work_dirs/$1/last_checkpoint")")"; }
export_part() { $PYTHON tools/model_converters/export_safetensors.py "$1" "$2" --part "$3" --half; }

case $RECIPE in
    distill)
        $PYTHON tools/extract_teacher_features.py configs/distillation/distill_mini.py
        config=configs/distillation/distill_mini.py ;;
    dino) config=configs/dino/dino_mini_pretrain.py ;;
    deacl)
        NAME=mini_deacl
        config=configs/deacl/dino_mini.py ;;
    robust)
        NAME=mini_robust
        HEADS=mini_wide
        config=configs/robust/task_aware_dealt_mini_wide.py ;;
    *) echo "RECIPE is dino, distill, deacl or robust, not $RECIPE" >&2; exit 2 ;;
esac
OUT=mmssl_robust/assets/$NAME
$PYTHON tools/train.py "$config" --resume ${AMP:-} --cfg-options "randomness.seed=${SEED:-0}"
export_part "$(newest "$(basename "$config" .py)")" "$OUT/encoder.safetensors" encoder

for task in classification/cifar10 segmentation/camvid depth/nyu depth/hololens; do
    data=${task#*/}
    $PYTHON tools/train.py "configs/${task%/*}/${HEADS}_$data.py" --work-dir "work_dirs/${NAME}_$data" --cache-features 4GB \
        --cfg-options "model.backbone.init_cfg.checkpoint=mmssl_robust://$NAME/encoder.safetensors"
    export_part "$(newest "${NAME}_$data")" "$OUT/mini_$data.safetensors" head
done
