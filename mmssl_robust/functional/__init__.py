"""Functions of tensors that attacks, losses and models share, in plain PyTorch."""
