"""Studies that train networks and compare their errors."""

from gaps import Gap
from study import Claim, Study
from sweeps import images
from tables import (Missing, at_epoch, batch_sizes, diverged, epochs, error_table, final, final_mean, heading, labels, line,
                    lowest, manifest, nats, number_of_seeds, of_errors, percent, points, rows, significant, where)
from words import comparison, listed, no_worse, scaled, verdict

SMALL = "A quarter of the network's channels: errors are not comparable with the paper's."
BF16 = "Activations and gradients are bfloat16, parameters and their updates float32, for every method alike."
FETCH_CIFAR = ("normprop data fetch cifar10", "data/cifar-10-batches-bin/test_batch.bin")
FETCH_MNIST = ("normprop data fetch mnist", "data/mnist/t10k-labels-idx1-ubyte.gz")
# How much higher an error may be and still count as no worse.
MARGIN = 0.01
# The error above which a training has led nowhere.
FAILURE = 0.5

# What a copy of the data is like, by the beginning of its checksum.
COPIES = {
    "3085902c40c55195": "111 of the 60,000 images of our copy of CIFAR-10 are decoded from JPEG copies (105 ships, 6 horses; "
                        "86 of them for training, 25 for testing); the others are the official ones.",
    "0d092e4f3a78276a": "Our copy of CIFAR-100 has 50 training and 10 test images of each class, all of them exact.",
}


def copy_of(study):
    """What is to be said of the data that a study's runs used; nothing where it is the official set."""
    sums = {run["dataset_sha256"][:16] for run in manifest(study)["runs"]}
    return [COPIES[checksum] for checksum in sorted(sums) if checksum in COPIES]


def few(*studies):
    """What is to be said of how many seeds there are."""
    n = number_of_seeds(*studies)[0]
    return (f"{({1: 'One', 2: 'Two', 3: 'Three', 4: 'Four', 5: 'Five'}).get(n, n)} seed{'s' if n > 1 else ''}: a "
            "difference that is not seen may be there all the same.")


def error(study, label, size, column="test_error"):
    return of_errors(list(final(study, label, size, column).values()), diverged(study, label, size))


def smallest_n(gaps):
    return min(gap.n for gap in gaps)


# 1. Convergence

PAIRS = [("without augmentation", "normprop", "bn"),
         ("with crops and flips", "normprop, crop and flip", "bn, crop and flip")]


def convergence_epochs():
    last = epochs("convergence")
    return sorted({1, 3, 5, 10, last // 2, last})


def convergence_pairs():
    there = labels("convergence")
    found = [pair for pair in PAIRS if pair[1] in there and pair[2] in there]
    if not found:
        raise Missing("a pair of finished runs of convergence")
    return found


def convergence_answer():
    sentences = []
    for when, own, other in convergence_pairs():
        early = Gap("convergence", own, other, 50, epoch=3)
        late = Gap("convergence", own, other, 50)
        sentences.append(
            f"{when.capitalize()}, NormProp's test error after three epochs is {comparison(early)} batch normalization's "
            f"({early.said}), and its final one, {error('convergence', own, 50)}, is {comparison(late)} "
            f"batch normalization's {error('convergence', other, 50)} ({late.said}).")
    return " ".join(sentences)


def convergence_fit():
    """Who fits the training images better, early and at the end."""
    said = []
    for when, own, other in convergence_pairs():
        early, late = (Gap("convergence", own, other, 50, "train_loss", epoch) for epoch in (3, None))
        said.append(f"{when} it is {comparison(early)} batch normalization's after three epochs ({early.text(nats)} nats) and "
                    f"{comparison(late)} it at the end ({late.text(nats)} nats; errors on training images "
                    f"{error('convergence', own, 50, 'train_error')} and {error('convergence', other, 50, 'train_error')})")
    return f"NormProp's training loss: {'; '.join(said)}."


def convergence_details():
    shown = convergence_epochs()
    lines = ["Test error over the epochs:", "", heading(["method"] + [f"epoch {epoch}" for epoch in shown])]
    for label in labels("convergence"):
        errors = [list(at_epoch("convergence", label, 50, epoch).values()) for epoch in shown]
        lines.append(line([label] + [of_errors(values) if values else "–" for values in errors]))
    baselines = {own: other for _, own, other in convergence_pairs()}
    table = error_table("convergence", baselines, "bn on the same images")
    return "\n\n".join([convergence_fit(), "\n".join(lines), table])


def convergence_claim():
    evidence, early, late = [], [], []
    for when, own, other in convergence_pairs():
        early.append(Gap("convergence", own, other, 50, epoch=3))
        late.append(Gap("convergence", own, other, 50))
        evidence.append(f"{when}: {early[-1].said} after 3 epochs, {late[-1].said} at the end")
    word = verdict(early)
    if word.startswith("holds") and not all(no_worse(each, MARGIN) for each in late):
        word = scaled("holds partly")
    elif not word.startswith("holds") and any(each.direction == "above" for each in late):
        word = scaled("does not hold here")
    return Claim("NormProp converges faster than batch normalization and generalizes at least as well",
                 f"test error, NormProp minus batch normalization, {'; '.join(evidence)} (n = {smallest_n(early + late)}; "
                 f"holds: lower after 3 epochs, and at the end not seen to be higher, with an interval below one point; does "
                 f"not: never seen lower after 3 epochs, and higher at the end in one of the settings)", word)


CONVERGENCE = Study(
    1, "convergence", "Convergence on all of CIFAR-10",
    "Does NormProp train faster and further than batch normalization, with and without augmentation?",
    [FETCH_CIFAR, ("normprop compare experiments/convergence.toml", None)],
    convergence_answer, convergence_details, convergence_claim,
    [("test-error.svg", "Test error over epochs"), ("train-loss.svg", "Training loss over epochs")],
    lambda: copy_of("convergence") + [SMALL, BF16, few("convergence"),
     "The picture of differences (`differences.svg`) takes batch normalization without augmentation for all; the table here "
     "compares on the same images."], swept=lambda: ("convergence",))


# 2. Batch sizes

def batch_size_answer():
    own, other = error("batch-size", "normprop", 1), error("batch-size", "bn", 1)
    at_50 = Gap("batch-size", "normprop", "bn", 50)
    best = lowest(labels("batch-size"), ("batch-size", 1))
    fitted = error("batch-size", "bn", 1, "train_error")
    return (f"At batch size 1 NormProp reaches a test error of {own}, where batch normalization, which errs on {fitted} of the "
            f"training images as it trains, has {other} in evaluation, and the lowest is {best}'s "
            f"{percent(final_mean('batch-size', best, 1))}{lost_elsewhere(best)}. At batch size 50 NormProp's error is "
            f"{comparison(at_50)} batch normalization's ({at_50.said}).")


def lost_elsewhere(label):
    """At which batch sizes a method lost runs."""
    lost = [(diverged("batch-size", label, size), size) for size in batch_sizes("batch-size")]
    said = listed(f"{number} at batch size {size}" for number, size in lost if number)
    return f" (of whose runs some diverged: {said})" if said else ""


def batch_size_details():
    parts = [error_table("batch-size", "bn")]
    times, every = rows("batch-size", "bench.csv"), images("batch-size")[0]
    sizes = sorted({int(row["batch_size"]) for row in times})
    head = ["method"] + [f"batch size {size}" for size in sizes]
    lines = [f"Seconds of training for an epoch of these {every:,} images (`bench.csv`, one thread, methods in turn):", "",
             heading(head)]
    for norm in dict.fromkeys(row["norm"] for row in times):
        cells = [norm]
        for size in sizes:
            found = where(times, norm=norm, batch_size=size)
            cells.append(significant(every / float(found[0]["images_per_s"]), 3) if found and found[0]["images_per_s"] else "–")
        lines.append(line(cells))
    return "\n\n".join(parts + ["\n".join(lines)])


def fails(label, size):
    """Whether training with a batch size leads nowhere: a run diverged, or the mean error lies above one half."""
    return diverged("batch-size", label, size) > 0 or final_mean("batch-size", label, size) > FAILURE


def batch_size_claim():
    to_bn = Gap("batch-size", "normprop", "bn", 1)
    lower, theirs, own = verdict([to_bn]), fails("bn", 1), fails("normprop", 1)
    word = scaled("holds partly") if lower.startswith("holds") and not theirs else lower
    at_50 = error("batch-size", "normprop", 50)
    return Claim("NormProp trains at batch size 1, where batch normalization fails",
                 f"test error at batch size 1: NormProp {error('batch-size', 'normprop', 1)} (at 50: {at_50}), batch "
                 f"normalization {error('batch-size', 'bn', 1)}, though {error('batch-size', 'bn', 1, 'train_error')} on "
                 f"training images as it trains (n = {to_bn.n}; fails: diverges, or errs on more than half of the test images)",
                 scaled("does not hold here") if own else word)


BATCH_SIZE = Study(
    2, "batch-size", "Batch sizes from 1 to 100",
    "Which methods train at batch size 1, and what does a small batch cost in error and in time?",
    [("normprop compare experiments/batch-size.toml", None),
     ("normprop bench --norm none,bn,normprop,weight-norm,layer-norm,group-norm --batch-sizes 1,2,8,50,100 --threads 1 "
      "--steps 20 --warmup 4 --out results/batch-size", "results/batch-size/bench.csv"),
     ("normprop report results/batch-size", None)],
    batch_size_answer, batch_size_details, batch_size_claim,
    [("batch-sizes.svg", "Final test error over batch sizes"), ("final-error.svg", "Final test error with intervals"),
     ("test-error.svg", "Test error over epochs")],
    lambda: [f"{images('batch-size')[0]:,} images of Fashion-MNIST and {epochs('batch-size')} epochs: a short training, in which small batches make "
     "more steps.", SMALL, few("batch-size"),
     "Batch normalization's error at batch size 1 is that of evaluation with running averages, which is how it is used.",
     "Times of runs beside each other cannot be compared; those here are from `normprop bench`."],
    swept=lambda: ("batch-size",))


# 5. Data normalization

def data_norm_gap(norm, size):
    return Gap("data-normalization", f"{norm}, batch", f"{norm}, global", size)


def data_norm_answer():
    sizes = batch_sizes("data-normalization")
    def said(norm):
        gaps = [(size, data_norm_gap(norm, size)) for size in sizes]
        return listed(f"{comparison(gap)} that with global ones at batch size {size} ({gap.said})"
                      for size, gap in gaps)
    return (f"NormProp's test error with statistics of each batch is {said('normprop')}. "
            f"Batch normalization's is {said('bn')}.")


def data_norm_details():
    baselines = {f"{norm}, batch": f"{norm}, global" for norm in ("normprop", "bn")}
    return error_table("data-normalization", baselines, "global")


def data_norm_claim():
    sizes = batch_sizes("data-normalization")
    intervals = [data_norm_gap("normprop", size) for size in sizes]
    said = "; ".join(f"{interval.said} at batch size {size}" for interval, size in zip(intervals, sizes))
    return Claim("Batch data normalization generalizes better than global data normalization",
                 f"NormProp's test error, batch minus global: {said} (n = {smallest_n(intervals)})", verdict(intervals))


DATA_NORMALIZATION = Study(
    5, "data-normalization", "Global and batch data normalization",
    "Does normalizing the data with statistics of each batch generalize better than with those of the whole training set?",
    [FETCH_CIFAR, ("normprop compare experiments/data-normalization.toml", None)],
    data_norm_answer, data_norm_details, data_norm_claim,
    [("final-error.svg", "Final test error"), ("train-loss.svg", "Training loss over epochs")],
    lambda: [f"A fifth of CIFAR-10's training images, {epochs('data-normalization')} epochs."] + copy_of("data-normalization")
    + [SMALL, BF16, few("data-normalization")],
    swept=lambda: ("data-normalization",))


# 9. Other data

DATASETS = [("Fashion-MNIST (4,000 images)", "datasets/datasets-fashion-mnist"),
            ("MNIST (10,000 images)", "datasets/datasets-mnist"),
            ("CIFAR-100 (5,000 images)", "datasets/datasets-cifar100")]


def dataset_folders():
    return tuple(folder for _, folder in DATASETS)


def datasets_answer():
    said = []
    for name, folder in DATASETS:
        interval = Gap(folder, "normprop", "bn", 50)
        said.append(f"{comparison(interval)} batch normalization's on {name} ({interval.said})")
    centred = listed(f"{Gap(folder, 'normprop (centred rows)', 'bn', 50).text(points)}" for _, folder in DATASETS)
    return (f"NormProp's test error is {listed(said)}. With centred rows the differences to batch normalization are "
            f"{centred} points, in the same order.")


def datasets_details():
    shown = labels(DATASETS[0][1])
    lines = [heading(["data"] + shown)]
    for name, folder in DATASETS:
        lines.append(line([name] + [error(folder, label, 50) for label in shown]))
    return "Final test errors at batch size 50:\n\n" + "\n".join(lines)


def datasets_claim():
    intervals = [Gap(folder, "normprop", "bn", 50) for _, folder in DATASETS]
    said = "; ".join(f"{name} {interval.text(points)}" for (name, _), interval in zip(DATASETS, intervals))
    return Claim("NormProp beats batch normalization on further datasets (the paper: CIFAR-100, SVHN)",
                 f"test error, NormProp minus batch normalization, points: {said} (n = {smallest_n(intervals)}; the verdict "
                 f"is that on CIFAR-100, SVHN was not tested)", verdict(intervals[-1:]))


DATASET_STUDY = Study(
    9, "datasets", "CIFAR-100, MNIST and Fashion-MNIST",
    "Does what is seen on CIFAR-10 hold on other data?",
    [FETCH_MNIST, ("normprop data fetch cifar100", "data/cifar-100-binary/train.bin")]
    + [(f"normprop compare experiments/{folder.split('/')[1]}.toml --out results/datasets", None) for _, folder in DATASETS],
    datasets_answer, datasets_details, datasets_claim,
    [(f"{folder.split('/')[1]}/final-error.svg", f"Final test error, {name}") for name, folder in DATASETS],
    lambda: [text for folder in dataset_folders() for text in copy_of(folder)] + [SMALL, BF16,
     few(*dataset_folders()),
     "SVHN is not here: its experiment file is read by a test, and its format by tests on files made for them."],
    made_by=dataset_folders, swept=dataset_folders)
