"""The studies in the order of their numbers."""

from gap import GAP
from geometry import JACOBIAN, LANDSCAPE
from inside import CANONICAL, GAUSSIANITY, INPUTS
from mnist import MNIST
from speed import SPEED
from training import BATCH_SIZE, CONVERGENCE, DATA_NORMALIZATION, DATASET_STUDY

STUDIES = sorted([CONVERGENCE, BATCH_SIZE, INPUTS, GAUSSIANITY, DATA_NORMALIZATION, JACOBIAN, CANONICAL, SPEED,
                  DATASET_STUDY, MNIST, GAP, LANDSCAPE], key=lambda study: study.number)
