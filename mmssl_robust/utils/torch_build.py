"""Whether the installed PyTorch suits the machine, and what to do where it does not."""

from importlib import metadata
from pathlib import Path

CPU_INDEX = 'https://download.pytorch.org/whl/cpu'
"""PyTorch's index of its builds for CPUs."""
_PINNED = '-c requirements/constraints.txt'  # to the versions that all figures were made with
_DRIVER = Path('/proc/driver/nvidia/version')


def has_driver() -> bool:
    """Whether NVIDIA's driver is loaded, whatever PyTorch can use."""
    return _DRIVER.is_file()


def torchvision_problem(error: Exception) -> str | None:
    """What to do where torchvision, built for another PyTorch, has failed an import; None if it was not that."""
    if 'torchvision::' not in str(error):  # an operator that its compiled part would have registered
        return None
    versions = [f'{name} {metadata.version(name)}' for name in ('torchvision', 'torch')]
    return (
        f'{" does not fit ".join(versions)}, whether by its release or by its build for CUDA or CPU: install both from '
        f'one index, `pip install --force-reinstall torch torchvision {_PINNED}` in a checkout'
    )


def cuda_bytes() -> int:
    """Bytes of CUDA's libraries that came with PyTorch, by their lists of files."""
    return sum(
        file.size or 0
        for distribution in metadata.distributions()
        if (distribution.metadata['Name'] or '').startswith('nvidia-')
        for file in distribution.files or ()
    )


def advice(cuda: str | None, driver: bool, size: int) -> str:
    """What to do about a PyTorch that computes on the CPU.

    Args:
        cuda: The CUDA that it was built for; None for a CPU build.
        driver: Whether there is a driver of NVIDIA's.
        size: Bytes of CUDA's libraries.

    Returns:
        A sentence, or nothing where all is as it should be.
    """
    if driver and cuda is None:
        return (
            'there is an NVIDIA GPU, which this CPU build of PyTorch cannot use: run in a checkout '
            f'`pip uninstall -y torch torchvision && pip install torch torchvision {_PINNED}`'
        )
    if driver:
        return (
            f'there is an NVIDIA GPU, which this PyTorch, built for CUDA {cuda}, cannot use: is its driver older '
            '(`nvidia-smi` says for which CUDA it is), or CUDA_VISIBLE_DEVICES empty?'
        )
    if cuda and size:
        return (
            f'{size / 1e9:.1f} GB of CUDA libraries serve nothing without a GPU: a new environment, first '
            f'`pip install torch torchvision {_PINNED} --extra-index-url {CPU_INDEX}` in a checkout, does without'
        )
    return ''
