"""MMSegmentation's depth estimator, with sliding windows that work."""

from mmseg.models import DepthEstimator as StockDepthEstimator
from torch import Tensor

from mmssl_robust.registry import MODELS


@MODELS.register_module()
class DepthEstimator(StockDepthEstimator):
    """Encoder and depth head.

    The stock class computes the sliding-window prediction of ``test_cfg.mode='slide'`` and then overwrites
    it by the prediction for the whole image.
    """

    def inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Predict depth (B, 1, H, W) for normalised images (B, 3, H, W) in the mode of ``test_cfg``."""
        if self.test_cfg.get('mode', 'whole') == 'slide':
            return self.slide_inference(inputs, batch_img_metas)
        return super().inference(inputs, batch_img_metas)
