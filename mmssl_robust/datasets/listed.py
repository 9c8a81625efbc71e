"""A data set that is a list of files, of any task."""

from mmengine.dataset import BaseDataset

from mmssl_robust.registry import DATASETS


@DATASETS.register_module()
class ListedDataset(BaseDataset):
    """Samples out of an annotation file in OpenMMLab's format: JSON with ``metainfo`` and ``data_list``.

    It is MMEngine's base class, which its registry lacks: what an entry of the list holds (``img_path``, ``gt_label``,
    ``seg_map_path``, ``depth_map_path``) is for the pipeline. Paths are below those of ``data_prefix``. Arguments as
    there.
    """
