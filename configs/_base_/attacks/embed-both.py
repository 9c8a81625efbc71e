# EmbedAttack on the CLS token and the patch tokens.
_base_ = './embed.py'
attack = dict(tokens='both')
