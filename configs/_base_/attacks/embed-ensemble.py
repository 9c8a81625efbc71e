# EmbedEnsemble, the ensemble to report: the encoder, whatever its task.
attack = dict(type='mmssl_robust.EmbedEnsemble', norm='linf', eps='8/255', steps=50, restarts=1, seed=0)
