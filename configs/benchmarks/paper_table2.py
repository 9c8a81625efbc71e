# Table 2 of the paper. Names of data sets and encoders are those of mmssl_robust/assets/paper/tables.csv.
title = 'Table 2: semantic segmentation'
_data = [('ade20k', 'ADE20k'), ('cityscapes', 'CityScapes'), ('voc2012', 'PASCAL VOC 2012')]
_encoders = [
    ('dinov2_vits14', 'DINOv2 ViT-S/14', 'Standard'),
    ('dinov2_vitb14', 'DINOv2 ViT-B/14', 'Standard'),
    ('dino_vitb16', 'DINO ViT-B/16', 'Standard'),
    ('deacl_vitb16', 'DINO ViT-B/16', 'DeACL'),
]
rows = [
    dict(
        config=f'configs/segmentation/{file}_{data}.py',
        task='segmentation',
        data=name,
        encoder=encoder,
        variant=variant,
    )
    for data, name in _data
    for file, encoder, variant in _encoders
]
del _data, _encoders
