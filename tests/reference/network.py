"""The network and the images on which attacks of several libraries are compared."""

import torch

EPS = dict(linf=0.005, l2=0.1, l1=0.5)


def network() -> torch.nn.Module:
    """A small convolutional classifier with random weights, the same everywhere."""
    generator = torch.Generator().manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 12, 3, stride=2),
        torch.nn.GELU(),
        torch.nn.Conv2d(12, 24, 3, stride=2),
        torch.nn.GELU(),
        torch.nn.Flatten(),
        torch.nn.Linear(24 * 9, 8),
    )
    with torch.no_grad():
        for parameter in net.parameters():
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 100
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (3 / fan_in) ** 0.5)
    return net.eval().requires_grad_(False)


def images() -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth random images (24, 3, 16, 16) in [0, 1] and the classes that the network gives them."""
    noise = torch.rand(24, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    inputs = torch.nn.functional.interpolate(noise, size=(16, 16), mode='bilinear', align_corners=True)
    return inputs, network()(inputs).argmax(dim=1)
