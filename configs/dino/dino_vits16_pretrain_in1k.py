# ViT-S/16 with the authors' default settings, 8 GPUs x 64 images:
#   bash tools/dist_train.sh configs/dino/dino_vits16_pretrain_in1k.py 8 --amp
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/imagenet_multicrop.py',
    '../_base_/schedules/dino_adamw.py',
]

default_scope = 'mmpretrain'
model = dict(
    type='mmssl_robust.DINO',
    backbone=dict(
        type='mmssl_robust.DINOVisionTransformer', arch='dino_vits16', out_type='cls_token', drop_path_rate=0.1
    ),
    head=dict(type='mmssl_robust.DINOHead', in_dim=384, out_dim=65536),
    data_preprocessor={{_base_.data_preprocessor}},
)

optim_wrapper = dict(optimizer=dict(lr=1e-3))
default_hooks = dict(checkpoint=dict(interval=10))
auto_scale_lr = dict(base_batch_size=512)
