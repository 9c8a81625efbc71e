"""The embedding itself as a head: where an image lies among others, without labels."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample
from torch import Tensor

from mmssl_robust.functional.between_images import Moments, between_images
from mmssl_robust.functional.linear_probe import LinearProbe, probes_of
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_integer

from .filled_head import FilledHead

Entries = tuple[list[str], Tensor, Moments, Moments]
_PROBES = 5
_IMAGES_OF_CLASS = 10  # of the bank, on average
_TIE = 1e-6  # of cosines, which may differ by rounding


@MODELS.register_module()
class EmbeddingHead(FilledHead):
    """Compares the embedding of an image with that of the image as it was, and with those of a bank of images.

    The bank is the images themselves, or others; an image is never its own neighbour. The encoder gives CLS and patch
    tokens (``out_type='featmap_cls'``).

    Args:
        k: Number of neighbours whose overlap is counted, at most a quarter of the other images.
        probe_classes: On so many classes of the bank, found by k-means on CLS, linear probes are fitted, at most a
            tenth of its images; 0 for no probes.
        **kwargs: As in mmpretrain's ``ClsHead``.

    Examples:
        >>> import torch
        >>> from mmpretrain.structures import DataSample
        >>> from mmssl_robust.models.heads import EmbeddingHead
        >>> head, samples = EmbeddingHead(), [DataSample(metainfo=dict(sample_idx=index)) for index in range(4)]
        >>> features = torch.randn(4, 8, 2, 2), torch.randn(4, 8)  # patch tokens and CLS token of each
        >>> head.fill([head.entries(features, samples)])
        >>> comparison = head.predict((features,), samples)[0].comparison  # of an image with itself
        >>> comparison['cls_distance'], comparison['patches'], comparison['nearest']
        (0.0, 1.0, True)
    """

    needs_all = False

    def __init__(self, k: int = 10, probe_classes: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.k = check_integer(k, 'k', 1)
        self.probe_classes = check_integer(probe_classes, 'probe_classes', 0)
        self.probes: list[LinearProbe] = []
        self.features: Tensor
        self.names: list[str] = []
        self.register_buffer('features', torch.empty(0), persistent=False)
        self.scales: dict[str, float] = {}

    def entries(self, features: Any, samples: Sequence[DataSample]) -> Entries:
        """Return names, CLS tokens (B, D), and the moments of patch tokens and of their directions.

        Raises:
            UserError: If the encoder gives no such pair.
        """
        patches, cls = _pair(features)
        tokens = patches.flatten(2).transpose(1, 2)
        plain, directions = (Moments(*(part.cpu() for part in Moments.of(tokens, flag))) for flag in (False, True))
        return [_name(sample) for sample in samples], cls.cpu(), plain, directions

    def fill(self, parts: Sequence[Entries]) -> None:
        """Fill the bank with what :meth:`entries` gave, in the order of the names.

        Raises:
            UserError: If there are fewer than two images, or too few for probes.
        """
        names = [name for part in parts for name in part[0]]
        order = sorted({name: place for place, name in enumerate(names)}.items())
        if len(order) < 2:
            raise UserError(f'{len(order)} image in the bank: the embedding needs at least two images to compare')
        places = torch.tensor([place for _, place in order])
        cls = torch.cat([part[1] for part in parts])[places]
        self.names = [name for name, _ in order]
        self.features = F.normalize(cls, dim=-1).to(self.features.device)
        self.probes = self._fitted(cls)
        moments = dict(
            cls=(Moments.of(cls[:, None]), Moments.of(cls[:, None], True)),
            patch=(_joined([part[2] for part in parts], places), _joined([part[3] for part in parts], places)),
        )
        self.scales = {}
        for kind, (plain, directions) in moments.items():
            self.scales[f'{kind}_distance'] = between_images(plain)
            self.scales[f'{kind}_turn'] = between_images(directions) ** 2 / 2  # 1 minus the mean cosine

    def predict(
        self, feats: tuple[Any, ...], data_samples: Sequence[DataSample | None] | None = None
    ) -> list[DataSample]:
        """Compare.

        Args:
            feats: What the encoder gives.
            data_samples: The images, each with ``reference``, the tokens (1 + N, D) of the image as it was, CLS first;
                without it an image is compared with itself.

        Returns:
            A sample for each image, with ``embedding`` (D,), its CLS token; ``cosines`` (h, w), of each patch with
            itself as it was; and ``comparison``, numbers by the names of :class:`~mmssl_robust.tasks.Embedding`.

        Raises:
            UserError: If the bank is empty, or the encoder gives no CLS and patch tokens.
        """
        if not self.names:
            raise UserError(
                'the bank of the EmbeddingHead is empty: evaluate it by tools/test.py, tools/benchmark.py or evaluate, '
                'which fill it'
            )
        patches, cls = _pair(feats[-1])
        found = []
        for own, featmap, given in zip(cls, patches, data_samples or [None] * len(cls), strict=True):
            sample = DataSample() if given is None else given
            tokens = torch.cat((own[None], featmap.flatten(1).T))
            reference = sample.pop('reference', tokens)
            comparison = self._neighbours(tokens[0], reference[0], _name(sample))
            comparison |= self._moved('cls', tokens[:1], reference[:1]) | self._moved(
                'patch', tokens[1:], reference[1:]
            )
            comparison['patches'] = _correspondences_kept(tokens[1:], reference[1:])
            if self.probes:
                comparison['probe'] = self._class_kept(tokens[:1], reference[:1])
            sample.set_field(own, 'embedding')
            cosines = F.cosine_similarity(tokens[1:], reference[1:], dim=-1)
            sample.set_field(cosines.unflatten(0, featmap.shape[1:]), 'cosines')
            sample.set_field(comparison, 'comparison')
            found.append(sample)
        return found

    def _neighbours(self, own: Tensor, reference: Tensor, name: str) -> dict[str, Any]:
        """What is nearest, before and after."""
        now, before = (F.normalize(vector, dim=-1) @ self.features.T for vector in (own, reference))
        if name in self.names:
            for cosines in (now, before):
                cosines[self.names.index(name)] = -torch.inf
        others = int((now > -torch.inf).sum())
        k = max(min(self.k, others // 4), 1)  # of all others the nearest are always the same
        kept = set(now.topk(k).indices.tolist()) & set(before.topk(k).indices.tolist())
        margin = float(F.cosine_similarity(own, reference, dim=0) - now.max())
        return dict(nearest=margin >= -_TIE, margin=margin, overlap=len(kept) / k, other=self.names[now.argmax()])

    def _fitted(self, cls: Tensor) -> list[LinearProbe]:
        """Probes of the CLS tokens (N, D) of the bank."""
        if not self.probe_classes:
            return []
        number = min(self.probe_classes, len(cls) // _IMAGES_OF_CLASS)
        if number < 2:
            raise UserError(
                f'{len(cls)} images in the bank: linear probes need at least {2 * _IMAGES_OF_CLASS}, some hundreds are '
                'better'
            )
        return probes_of(cls, number, _PROBES)

    def _class_kept(self, own: Tensor, reference: Tensor) -> float:
        """Share of the probes that say the same class of CLS (1, D) and of CLS as it was."""
        return sum(int(probe.classes(own) == probe.classes(reference)) for probe in self.probes) / len(self.probes)

    def _moved(self, kind: str, tokens: Tensor, reference: Tensor) -> dict[str, float]:
        """How far tokens (N, D) are from what they were, mean over them, over what different images are apart."""
        tokens, reference = tokens.double(), reference.double()  # a cosine with itself is 1
        distance = float((tokens - reference).norm(dim=-1).mean())
        cosine = float(F.cosine_similarity(tokens, reference, dim=-1).mean())
        found = {f'{kind}_distance': distance, f'{kind}_turn': 1 - cosine}
        relative = {name: value / self.scales[name] if self.scales[name] else 0.0 for name, value in found.items()}
        return relative | {f'{kind}_cosine': cosine}


def _joined(parts: Sequence[Moments], places: Tensor) -> Moments:
    """Those of the images at some places of all parts."""
    return Moments(*(torch.cat(tensors)[places] for tensors in zip(*parts)))


def _pair(features: Any) -> tuple[Tensor, Tensor]:
    """Patch tokens (B, D, h, w) and CLS token (B, D)."""
    if isinstance(features, Tensor) or len(features) != 2:
        raise UserError("the embedding is CLS and patch tokens: set model.backbone.out_type='featmap_cls'")
    patches, cls = features
    return patches, cls


def _name(sample: DataSample) -> str:
    return str(sample.get('img_path') or sample.get('sample_idx'))


def _correspondences_kept(patches: Tensor, reference: Tensor) -> float:
    """Share of patches (N, D) that are nearest, by cosine, to themselves among all patches of the image as it was."""
    cosines = F.normalize(patches, dim=-1) @ F.normalize(reference, dim=-1).T
    return float((cosines.diagonal() >= cosines.amax(dim=-1) - _TIE).double().mean())
