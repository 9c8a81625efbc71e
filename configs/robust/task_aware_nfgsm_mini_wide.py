# Task-aware training of the wide mini encoder by a single step, N-FGSM.
_base_ = './task_aware_mini_wide.py'
model = dict(attack=dict(_delete_=True, type='mmssl_robust.NFGSM', norm='linf', eps='4/255'))
custom_hooks = [dict(type='mmssl_robust.OneStepHook')]  # catastrophic overfitting is seen in the log
