# The smallest perturbation of each image at which half of its quality is lost, on the task's own loss: any task.
attack = dict(
    type='mmssl_robust.Minimal',
    objective=dict(type='mmssl_robust.TaskLoss'),
    norm='linf',
    eps='32/255',
    steps=20,
    search=10,
    random_start=True,
    seed=0,
)
