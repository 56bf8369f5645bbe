"""Losses in PyTorch, from logits [..., K]: of one class, and of several. Lovasz after Berman, Triki and Blaschko 2018, algorithm 1."""

import torch
import torch.nn.functional as F


def lovasz(errors, truth):
    errors, order = torch.sort(errors, descending=True)
    truth = truth[order]
    total = truth.sum()
    intersection = total - truth.cumsum(0)
    union = total + (1 - truth).cumsum(0)
    jaccard = 1 - intersection / union
    steps = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
    return torch.dot(F.relu(errors), steps)


def lovasz_hinge(logits, target):
    logits, target = logits.reshape(-1), target.reshape(-1)
    return lovasz(1 - logits * (2 * target - 1), target)


def lovasz_softmax(logits, target):
    probability, truth = torch.softmax(logits, -1), one_hot(target, logits.shape[-1])
    present = [c for c in range(logits.shape[-1]) if truth[:, c].any()]
    return sum(lovasz((truth[:, c] - probability[:, c]).abs(), truth[:, c]) for c in present) / len(present)


def one_hot(target, classes):
    return F.one_hot(target.long(), classes).to(target.dtype)


def dice_of(probability, truth):
    overlap = (probability * truth).sum(0)
    return (1 - 2 * overlap / (probability.sum(0) + truth.sum(0)).clamp_min(1e-7)).mean()


def focal_of(logits, truth):
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return ((1 - torch.exp(-entropy)) ** 2 * entropy).mean()


def tversky(logits, target):
    probability = torch.sigmoid(logits)
    overlap = (probability * target).sum()
    wrong = 0.3 * (probability.sum() - overlap) + 0.7 * (target.sum() - overlap)
    return 1 - overlap / (overlap + wrong).clamp_min(1e-7)


def mcc(logits, target):
    probability = torch.sigmoid(logits)
    tp, fp = (probability * target).sum() + 1e-5, (probability * (1 - target)).sum() + 1e-5
    fn, tn = ((1 - probability) * target).sum() + 1e-5, ((1 - probability) * (1 - target)).sum() + 1e-5
    divisor = torch.sqrt(tp + fp) * torch.sqrt(tp + fn) * torch.sqrt(tn + fp) * torch.sqrt(tn + fn)
    return 1 - (tp * tn - fp * fn) / divisor


named = {
    "lovaszHinge": lovasz_hinge,
    "dice": lambda x, t: dice_of(torch.sigmoid(x).reshape(-1, 1), t.reshape(-1, 1)),
    "bce": F.binary_cross_entropy_with_logits,
    "focal": focal_of,
    "tversky": tversky,
    "mcc": mcc,
    "crossEntropy": lambda x, t: F.cross_entropy(x, t.long()),
    "classFocal": lambda x, t: focal_of(x, one_hot(t, x.shape[-1])),
    "classDice": lambda x, t: dice_of(torch.softmax(x, -1), one_hot(t, x.shape[-1])),
    "lovaszSoftmax": lovasz_softmax,
}


class LossWork:
    """Value and gradient."""

    def __init__(self, place, args):
        image, classes = (args["batch"], args["side"], args["side"]), args["classes"]
        self.loss = named[args["loss"]]
        values = place.tensor((*image, 1), 2)
        if classes == 1:
            shape, self.target = (*image, 1), (values > 0.4).to(place.dtype)
        else:
            # Pixels in rows: what torch likes best of logits whose classes come last.
            shape, self.target = (-1, classes), (values.abs() * classes).floor().clamp_max(classes - 1).reshape(-1)
        self.logits = place.tensor((*image, classes), 1, 3.0).reshape(shape).requires_grad_(True)

    def once(self):
        return torch.autograd.grad(self.loss(self.logits, self.target), self.logits)[0]

    def run(self):
        self.once()

    def output(self):
        return self.once()


def loss(place, args):
    return LossWork(place, args)


class CountsWork:
    """True and false positives and negatives of probabilities against a mask, 255 left out."""

    def __init__(self, place, args):
        self.pred = place.tensor((args["pixels"],), 1).abs()
        values = place.tensor((args["pixels"],), 2)
        self.truth = (values > 0.4).to(torch.uint8).masked_fill(values > 0.9, 255)

    def once(self):
        valid, said, yes = self.truth != 255, self.pred >= 0.5, self.truth > 0
        said, yes = said & valid, yes & valid
        both = (said & yes).sum()
        return torch.stack([both, said.sum() - both, yes.sum() - both, valid.sum() - yes.sum() - said.sum() + both])

    def run(self):
        self.once()

    def output(self):
        return self.once().float()
