# JPEG compression at Pillow's usual quality.
defence = dict(type='mmssl_robust.JPEG', quality=75)
