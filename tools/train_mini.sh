#!/usr/bin/env bash
# Train an embedded mini encoder and its heads, and write what the package ships.
#
#   DATA_ROOT=data RECIPE=dino bash tools/train_mini.sh              # with a GPU
#   DATA_ROOT=data TEACHER=teacher.safetensors RECIPE=distill bash tools/train_mini.sh   # CPU
#   DATA_ROOT=data RECIPE=deacl bash tools/train_mini.sh             # the robust one, from the encoder above
#
# mmssl_robust/assets/mini, or mini_deacl, receives encoder.safetensors and one head a task. AMP=--amp trains the
# encoder in bfloat16.
set -euo pipefail
cd "$(dirname "$0")/.."
RECIPE=${RECIPE:-dino}
NAME=mini
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
    *) echo "RECIPE is dino, distill or deacl, not $RECIPE" >&2; exit 2 ;;
esac
OUT=mmssl_robust/assets/$NAME
$PYTHON tools/train.py "$config" --resume ${AMP:-}
export_part "$(newest "$(basename "$config" .py)")" "$OUT/encoder.safetensors" encoder

for head in classification/mini_cifar10 segmentation/mini_camvid depth/mini_nyu depth/mini_hololens; do
    work_dir=${NAME}_${head#*/mini_}
    $PYTHON tools/train.py "configs/$head.py" --work-dir "work_dirs/$work_dir" \
        --cfg-options "model.backbone.init_cfg.checkpoint=mmssl_robust://$NAME/encoder.safetensors"
    export_part "$(newest "$work_dir")" "$OUT/$(basename "$head").safetensors" head
done
