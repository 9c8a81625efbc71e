# The 15 common corruptions of Hendrycks & Dietterich 2019; metrics are their mean. Needs imagecorruptions-imaug.
attack = dict(type='mmssl_robust.Corruptions', severity=3, seed=0)
