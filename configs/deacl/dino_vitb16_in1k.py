# DeACL of DINO ViT-B/16 with the paper's settings (C.2), the batch of 128 images divided among the GPUs:
#   bash tools/dist_train.sh configs/deacl/dino_vitb16_in1k.py 8 --amp
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/imagenet_224px.py',
    '../_base_/models/dino_vitb16.py',
    '../_base_/models/deacl.py',
    '../_base_/schedules/deacl_sgd.py',
]

default_scope = 'mmpretrain'
model = dict(backbone={{_base_.encoder}})
