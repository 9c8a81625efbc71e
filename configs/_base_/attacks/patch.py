# A square of 5 % of the image, any value, at a random place, on the task's own loss: any task.
attack = dict(
    type='mmssl_robust.Patch',
    objective=dict(type='mmssl_robust.TaskLoss'),
    eps=0.05,
    step_size=0.05,
    steps=100,
    momentum=0.9,
    rotation=0.0,
    scale=0.0,
    random_start=True,
    restarts=1,
    seed=0,
)
