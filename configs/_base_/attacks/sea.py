# SEA, the ensemble to report: segmentation.
attack = dict(type='mmssl_robust.SEA', norm='linf', eps='8/255', steps=300, restarts=1, seed=0)
