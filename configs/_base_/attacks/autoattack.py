# AutoAttack, the ensemble to report: classification, retrieval.
attack = dict(type='mmssl_robust.AutoAttack', norm='linf', eps='8/255', steps=100, queries=5000, targets=9, seed=0)
