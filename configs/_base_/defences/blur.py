# A Gaussian filter.
defence = dict(type='mmssl_robust.Blur', sigma=1.0)
