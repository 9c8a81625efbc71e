"""A file with encoders of one's own, as text."""

OWN_ENCODERS = """
import torch
from torch import nn

class Tokens(nn.Module):
    mean, std, image_size = (0.5, 0.4, 0.3), [0.2, 0.2, 0.1], 32
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, 6, 8, 8)
        self.norm = nn.BatchNorm2d(6)
    def forward(self, x):
        x = self.norm(self.proj(x))
        return x.mean((2, 3)), x.flatten(2).transpose(1, 2)

a_module = Tokens()

def tokens():
    return Tokens()

def loaded_in_part():
    module = Tokens()
    module.proj.load_state_dict(module.proj.state_dict())
    return module

def convolution():
    return nn.Conv2d(3, 4, 4, 4)

def vector():
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 7))

def one_size():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 7))

def of_timm():
    import timm
    return timm.create_model('test_vit')

class HalfTokens(Tokens):
    def forward(self, x):
        return tuple(part.half() for part in super().forward(x))

def half_outputs():
    return HalfTokens()

def half_weights():
    return Tokens().bfloat16()

def a_number():
    return 3

def failing():
    raise ValueError('no such file')

class Blocks(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 6, 8, 8)
        self.cls = nn.Parameter(torch.randn(1, 6, 1))
        self.blocks = nn.ModuleList(nn.Conv1d(6, 6, 1) for _ in range(3))
    def get_intermediate_layers(self, x, n=1, reshape=False, return_class_token=False, norm=True):
        x = self.patch(x)
        size, out = x.shape[-2:], []
        x = torch.cat((self.cls.expand(len(x), -1, -1), x.flatten(2)), 2)
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in n:
                out.append((2 * x if norm else x))
        return tuple((y[..., 1:].unflatten(2, size), y[..., 0]) for y in out)

def blocks():
    return Blocks()
"""
