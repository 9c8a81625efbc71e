"""ResNets as frozen encoders, loaded strictly."""

import mmpretrain.models

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.checkpoint import read_checkpoint, state_dict_of
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.state_dict import mismatch


@MODELS.register_module()
class ResNet(mmpretrain.models.ResNet):
    """MMPretrain's ResNet, which never starts with a part of its weights; arguments as there.

    MMEngine warns of weights that are missing or of another shape, and goes on with random ones: a robustness measured
    on those would mean nothing.
    """

    _is_init: bool  # MMEngine's

    def init_weights(self) -> None:
        """Load the weights that ``init_cfg`` names, below its ``prefix``; without it draw random ones.

        Raises:
            UserError: If a key is missing, unexpected or of another shape; names the keys.
        """
        if self._is_init or (self.init_cfg or {}).get('type') != 'Pretrained':
            super().init_weights()
            return
        source, prefix = self.init_cfg['checkpoint'], self.init_cfg.get('prefix') or ''
        state = state_dict_of(read_checkpoint(source))
        weights = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
        # The classifier or projector that some layouts keep among them.
        weights = {key: value for key, value in weights.items() if not key.startswith('fc.')}
        problems = mismatch(self.state_dict(), weights)
        if problems:
            raise UserError(f'{source} does not fit this encoder (prefix {prefix!r}); {problems}')
        self.load_state_dict(weights)
        self._is_init = True
