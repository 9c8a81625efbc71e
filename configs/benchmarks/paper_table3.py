# Table 3 of the paper. Names of data sets and encoders are those of mmssl_robust/assets/paper/tables.csv.
title = 'Table 3: depth estimation'
_data = [('nyu', 'NYU-Depth-v2')]
_encoders = [
    ('dinov2_vits14', 'DINOv2 ViT-S/14', 'Standard'),
    ('dinov2_vitb14', 'DINOv2 ViT-B/14', 'Standard'),
    ('dino_vitb16', 'DINO ViT-B/16', 'Standard'),
    ('deacl_vitb16', 'DINO ViT-B/16', 'DeACL'),
]
rows = [
    dict(config=f'configs/depth/{file}_{data}.py', task='depth', data=name, encoder=encoder, variant=variant)
    for data, name in _data
    for file, encoder, variant in _encoders
]
del _data, _encoders
