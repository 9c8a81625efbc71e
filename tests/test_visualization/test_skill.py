"""What a picture of skills calls its models."""

from mmssl_robust.visualization.skill import labels_of


def test_variants_of_one_encoder_go_by_their_variant():
    assert labels_of(['mini, FARE', 'mini, LORE', 'mini']) == ['FARE', 'LORE', 'mini']
    assert labels_of(['mini, FARE', 'other']) == ['mini, FARE', 'other']
    assert labels_of(['a' * 40 + 'end'])[0].endswith('end')
