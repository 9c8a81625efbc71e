# Task-aware training of DINO ViT-S/16 on ImageNet; each image is attacked through one head, or at its embedding.
_base_ = ['./task_aware_dino_vits16_in1k.py', '../_base_/robust/in1k_dealt.py']
model = dict(attack=None, adversaries={{_base_.adversaries}})
