# Edits that leave each pixel where it is, for segmentation and depth.
attack = dict(type='mmssl_robust.Corruptions', names=['jpeg', 'lighten', 'darken'], severity=3, seed=0)
