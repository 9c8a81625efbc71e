# EmbedAttack on the CLS token, or the pool that stands for it.
_base_ = './embed.py'
attack = dict(tokens='cls')
