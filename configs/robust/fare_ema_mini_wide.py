# FARE of the wide mini encoder, with a moving average of the student over about fifty steps: it is what a checkpoint loads.
_base_ = './fare_mini_wide.py'
custom_hooks = [dict(type='EMAHook', momentum=0.02)]
