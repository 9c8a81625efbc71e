"""A data set that is a list of files, of any task."""

from mmengine.dataset import BaseDataset

from mmssl_robust.registry import DATASETS


@DATASETS.register_module()
class ListedDataset(BaseDataset):
    """Samples out of an annotation file in OpenMMLab's format: JSON with ``metainfo`` and ``data_list``.

    It is MMEngine's base class, which its registry lacks: what an entry of the list holds (``img_path``, ``gt_label``,
    ``seg_map_path``, ``depth_map_path``) is for the pipeline. Paths are below those of ``data_prefix``. Arguments as
    there.

    Examples:
        >>> import json, pathlib, tempfile
        >>> from mmssl_robust.registry import DATASETS
        >>> listed = dict(metainfo=dict(classes=['cat', 'dog']), data_list=[dict(img_path='1.jpg', gt_label=1)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, 'pets.json')
        ...     _ = file.write_text(json.dumps(listed))
        ...     cfg = dict(type='mmssl_robust.ListedDataset', ann_file=str(file), data_prefix=dict(img_path='photos'))
        ...     dataset = DATASETS.build(cfg)
        >>> dataset[0]
        {'img_path': 'photos/1.jpg', 'gt_label': 1, 'sample_idx': 0}
    """
