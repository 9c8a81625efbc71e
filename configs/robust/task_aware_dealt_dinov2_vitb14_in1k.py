# Task-aware training of DINOv2 ViT-B/14 on ImageNet; each image is attacked through one head, or at its embedding.
_base_ = ['./task_aware_dinov2_vitb14_in1k.py', '../_base_/robust/in1k_dealt.py']
model = dict(attack=None, adversaries={{_base_.adversaries}})
