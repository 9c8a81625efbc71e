# EmbedAttack on the patch tokens.
_base_ = './embed.py'
attack = dict(tokens='patch')
