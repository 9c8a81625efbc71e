# CIFAR-100, in all else as CIFAR-10.
_base_ = 'cifar10_224px.py'
data_root = '{{$DATA_ROOT:data}}/cifar100'
train_dataloader = dict(dataset=dict(type='CIFAR100', data_root=data_root))
test_dataloader = dict(dataset=dict(type='CIFAR100', data_root=data_root))
val_dataloader = test_dataloader
