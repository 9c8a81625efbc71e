# Seven superclasses of ImageNet's classes (data/photos): training and test images are of different classes of each.
_base_ = '../classification/mini_wide_cifar10.py'
data_root = '{{$DATA_ROOT:data}}/photos'
model = dict(head=dict(num_classes=7))
train_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = test_dataloader
train_cfg = dict(max_epochs=20, val_interval=20)
