# The same, watched for the paper's Figure 2: every 5 epochs, heads of the standard encoder on the one in training.
# Train the heads first, by tools/train.py and the three configs below.
_base_ = './dino_vitb16_in1k.py'

train_cfg = dict(val_interval=5)
val_dataloader, val_evaluator = {}, {}  # each probe has its own
val_cfg = dict(
    type='mmssl_robust.ProbeValLoop',
    probes=dict(
        cifar10=dict(
            config='configs/classification/dino_vitb16_cifar10.py',
            head='work_dirs/dino_vitb16_cifar10/epoch_5.pth',
            attacks=['embed', 'pgd'],
            max_images=1000,
        ),
        ade20k=dict(
            config='configs/segmentation/dino_vitb16_ade20k.py',
            head='work_dirs/dino_vitb16_ade20k/epoch_50.pth',
            attacks=['embed', 'segpgd'],
            max_images=200,
        ),
        nyu=dict(
            config='configs/depth/dino_vitb16_nyu.py',
            head='work_dirs/dino_vitb16_nyu/epoch_20.pth',
            attacks=['embed', 'depthpgd'],
            max_images=200,
        ),
    ),
)
default_hooks = dict(checkpoint=dict(save_best='ade20k/embed/mIoU', rule='greater'))
