#!/usr/bin/env bash
# Train the embedded mini encoder and its heads, and write what the package ships.
#
#   DATA_ROOT=data RECIPE=dino bash tools/train_mini.sh              # with a GPU
#   DATA_ROOT=data TEACHER=teacher.safetensors RECIPE=distill bash tools/train_mini.sh   # CPU
#
# mmssl_robust/assets/mini receives encoder.safetensors and one head a task. AMP=--amp trains DINO in bfloat16.
set -euo pipefail
cd "$(dirname "$0")/.."
RECIPE=${RECIPE:-dino}
OUT=mmssl_robust/assets/mini
PYTHON=${PYTHON:-python}
newest() { echo "work_dirs/$1/$(basename "$(cat "work_dirs/$1/last_checkpoint")")"; }
export_part() { $PYTHON tools/model_converters/export_safetensors.py "$1" "$2" --part "$3" --half; }

case $RECIPE in
    distill)
        $PYTHON tools/extract_teacher_features.py configs/distillation/distill_mini.py
        config=configs/distillation/distill_mini.py ;;
    dino) config=configs/dino/dino_mini_pretrain.py ;;
    *) echo "RECIPE is dino or distill, not $RECIPE" >&2; exit 2 ;;
esac
$PYTHON tools/train.py "$config" --resume ${AMP:-}
export_part "$(newest "$(basename "$config" .py)")" "$OUT/encoder.safetensors" encoder

for head in classification/mini_cifar10 segmentation/mini_camvid depth/mini_nyu depth/mini_hololens; do
    name=$(basename "$head")
    $PYTHON tools/train.py "configs/$head.py"
    export_part "$(newest "$name")" "$OUT/$name.safetensors" head
done
