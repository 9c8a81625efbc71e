"""Classification: one class for each image."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .base import Column, MeanTask, Metric
from .classes import name_of
from .contributions import Contributions
from .pictures import Example


class Classification(MeanTask):
    """One class for each image; accuracy.

    Examples:
        >>> import pandas as pd
        >>> from mmssl_robust.tasks import Classification
        >>> records = pd.DataFrame(dict(index=[0, 1, 2, 3], label=[7, 7, 7, 2], prediction=[7, 7, 0, 0]))
        >>> task = Classification()
        >>> task.contributions(records).values(), task.chance(records)  # three of four are of class 7
        ({'accuracy': 50.0}, 75.0)
    """

    name = 'classification'
    metrics = (Metric('accuracy', 'top-1 accuracy', '%', is_share=True, stock='accuracy/top1'),)
    columns = (
        Column('label', 'int32', 'the true class'),
        Column('prediction', 'int32', 'the predicted class'),
    )
    truth = ('label',)
    quality = 'margin'
    stock_metrics = ('Accuracy',)
    attacks = ('embed', 'pgd')
    strongest = 'autoattack'
    objective = 'ClassificationObjective'
    outputs = 'classes'
    targeted = 'TargetedCrossEntropy'
    sanity_images = 8

    def record(self, metric: Any, sample: Any) -> dict[str, Any]:
        """Return label, prediction and the margin: probability of the true class minus the highest other."""
        scores, label = sample.pred_score.double(), int(sample.gt_label)
        others = scores.clone()
        others[label] = -1
        # The stock metric takes the arg max of the scores, which is the predicted label.
        return dict(label=label, prediction=int(scores.argmax()), quality=float(scores[label] - others.max()))

    def chance(self, records: pd.DataFrame) -> float | None:
        """Return the share of the most frequent class, in percent."""
        return 100 * float(records['label'].value_counts(normalize=True).max())

    def is_right(self, records: pd.DataFrame) -> pd.Series:
        """Whether the true class is predicted."""
        return records['label'] == records['prediction']

    def is_consistent(self, records: pd.DataFrame) -> pd.Series:
        """Whether the margin has the sign of a right or a wrong prediction; at 0 two classes are equal."""
        margin = records['quality']
        return (margin.abs() <= 1 + 1e-6) & ((margin == 0) | ((margin > 0) == self.is_right(records)))

    def contributions(self, records: pd.DataFrame) -> Contributions:
        """Return whether each is right, and a 1."""
        right = self.is_right(records).to_numpy(float)
        return Contributions(self, records['index'].to_numpy(), np.column_stack([right, np.ones(len(right))]))

    def example(self, clean: Any, attacked: Any) -> dict[str, Any]:
        """Return the true class, and both predictions with their confidence."""
        samples = (clean, attacked)
        return dict(
            facts=dict(
                label=int(clean.gt_label),
                classes=[int(sample.pred_label) for sample in samples],
                confidences=[float(sample.pred_score.max()) for sample in samples],
            )
        )

    def captions(self, example: Example, info: Mapping[str, Any]) -> tuple[str, str, str]:
        """Return the true class, and what the model said with which confidence."""
        facts = example.facts
        said = [f'{name_of(label, info)} {score:.2f}' for label, score in zip(facts['classes'], facts['confidences'])]
        return f'true: {name_of(facts["label"], info)}', said[0], said[1]
