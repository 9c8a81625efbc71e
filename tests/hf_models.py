"""Small models of transformers with random weights, in folders."""

import json

import pytest
import torch

transformers = pytest.importorskip('transformers')

SMALL = dict(
    hidden_size=32,
    num_hidden_layers=3,
    num_attention_heads=2,
    intermediate_size=64,
    image_size=32,
    patch_size=8,
    hidden_act='gelu',
)
RADIO = SMALL | dict(max_img_size=64, num_cls_tokens=3, num_registers=2, summary_idxs=[0, 2])
CONVOLUTIONS = dict(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], image_size=64)


def saved(name, folder, **settings):
    """A model with random weights in a folder; of norms, tokens and LayerScale too."""
    base = CONVOLUTIONS if 'ConvNext' in name else RADIO if name == 'Radio' else SMALL
    torch.manual_seed(0)
    model = transformers.AutoModel.from_config(getattr(transformers, f'{name}Config')(**base | settings)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    model.save_pretrained(folder)
    processor = dict(image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.2, 0.1], do_normalize=True)
    (folder / 'preprocessor_config.json').write_text(json.dumps(processor))
    return model


def images(height, width):
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))
