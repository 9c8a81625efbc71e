# The heads that ship with the wide mini encoder, for attacks on all of them.
_base_ = ['../models/mini_wide_vit.py', '../robust/mini_wide_heads.py']
