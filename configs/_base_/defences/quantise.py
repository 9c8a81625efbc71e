# Eight levels for each channel.
defence = dict(type='mmssl_robust.Quantise', levels=8)
