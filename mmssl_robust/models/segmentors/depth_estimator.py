"""MMSegmentation's depth estimator, with sliding windows that work."""

from mmseg.models import DepthEstimator as StockDepthEstimator
from torch import Tensor

from mmssl_robust.registry import MODELS


@MODELS.register_module()
class DepthEstimator(StockDepthEstimator):
    """Encoder and depth head.

    The stock class computes the sliding-window prediction of ``test_cfg.mode='slide'`` and then overwrites
    it by the prediction for the whole image.

    Examples:
        >>> import torch
        >>> from mmengine.config import ConfigDict
        >>> from mmssl_robust.registry import MODELS
        >>> tiny = dict(img_size=16, patch_size=8, embed_dim=16, depth=1, num_heads=2)
        >>> cfg = dict(type='mmssl_robust.DepthEstimator')
        >>> cfg['backbone'] = dict(type='mmssl_robust.DINOVisionTransformer', arch=tiny, out_type='featmap_cls')
        >>> cfg['decode_head'] = dict(type='mmssl_robust.LinearDepthHead', in_channels=16)
        >>> cfg['test_cfg'] = dict(mode='slide', crop_size=(16, 16), stride=(8, 8))
        >>> model = MODELS.build(ConfigDict(cfg)).eval()
        >>> model.predict(torch.zeros(1, 3, 32, 48))[0].pred_depth_map.shape
        (32, 48)
    """

    def inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Predict depth (B, 1, H, W) for normalised images (B, 3, H, W) in the mode of ``test_cfg``."""
        if self.test_cfg.get('mode', 'whole') == 'slide':
            return self.slide_inference(inputs, batch_img_metas)
        return super().inference(inputs, batch_img_metas)
