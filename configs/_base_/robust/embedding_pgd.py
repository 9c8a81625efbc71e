# The student, and the inner attack of methods on embeddings: two steps of 2/255 within 4/255, from the teacher's.
_base_ = ['mini_wide_student.py']
model = dict(
    attack=dict(
        type='mmssl_robust.PGD',
        objective=dict(type='mmssl_robust.EmbeddingDistance'),
        norm='linf',
        eps='4/255',
        step_size='2/255',
        steps=2,
    ),
)
