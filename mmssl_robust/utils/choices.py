"""What arguments may be, for help and configs that need no library."""

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
PRECISIONS = ('fp32', 'fast-fp32', 'bf16', 'fp16')
LOG_TO = {
    'tensorboard': ('TensorboardVisBackend', 'tensorboard'),
    'wandb': ('WandbVisBackend', 'wandb'),
    'mlflow': ('MLflowVisBackend', 'mlflow'),
}
"""MMEngine's back ends by their short names, and the package that each needs."""
