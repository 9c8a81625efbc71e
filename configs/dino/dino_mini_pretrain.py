# The mini encoder from scratch, for a machine with a GPU:
#   DATA_ROOT=... python tools/train.py configs/dino/dino_mini_pretrain.py --amp
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/mini_vit.py',
    '../_base_/datasets/mini_multicrop.py',
    '../_base_/schedules/dino_adamw.py',
]

default_scope = 'mmpretrain'
model = dict(
    type='mmssl_robust.DINO',
    backbone=dict(type={{_base_.encoder.type}}, arch={{_base_.encoder.arch}}, out_type='cls_token'),
    head=dict(type='mmssl_robust.DINOHead', in_dim={{_base_.embed_dims}}, out_dim=4096, hidden_dim=1024),
    data_preprocessor={{_base_.data_preprocessor}},
)

train_cfg = dict(max_epochs=300)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
default_hooks = dict(checkpoint=dict(interval=10))
auto_scale_lr = dict(base_batch_size=512)
