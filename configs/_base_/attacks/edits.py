# What images meet on their way: JPEG compression, other exposures, a crop; metrics are their mean.
attack = dict(type='mmssl_robust.Corruptions', names=['jpeg', 'lighten', 'darken', 'crop'], severity=3, seed=0)
