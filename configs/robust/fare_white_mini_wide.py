# FARE of the wide mini encoder, in units of what linear heads can make of the embedding.
_base_ = './fare_mini_wide.py'
model = dict(whitening=dict(ridge=0.1))
