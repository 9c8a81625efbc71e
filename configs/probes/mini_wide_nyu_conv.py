# Two 3x3 convolutions of the patch tokens before the linear layer.
_base_ = '../depth/mini_wide_nyu.py'
model = dict(decode_head=dict(type='mmssl_robust.ConvDepthHead'))
