# Half the size and back.
defence = dict(type='mmssl_robust.Downscale', scale=0.5)
